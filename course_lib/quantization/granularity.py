"""How many scales: one for a tensor, one for each channel, one for each group of a row."""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor

from course_lib.quantization.affine import _quantize, spread
from course_lib.quantization.checks import (
    check_axis,
    check_bits,
    check_code_range,
    check_group_size,
    check_values,
)
from course_lib.quantization.qparams import QParams, affine_qparams
from course_lib.validate import check_int, check_rank


class Quantized(NamedTuple):
    """Codes, and what is needed to read them."""

    codes: Int[Tensor, "*shape"]
    scale: Float[Tensor, "*channels"]
    zero_point: Int[Tensor, "*channels"]


def quantize_per_tensor(
    x: Float[Tensor, "*shape"], qmin: int, qmax: int, symmetric: bool = False
) -> Quantized:
    """Quantize a tensor with one scale, over its own range.

    Parameters
    ----------
    x : Tensor, any shape, float32 or float64
    qmin, qmax : int
        The codes.
    symmetric : bool, default False
        As for `affine_qparams`.

    Returns
    -------
    Quantized
        ``codes`` of the shape of ``x``; ``scale`` and ``zero_point`` 0-d.

    Raises
    ------
    TypeError, ValueError
        If ``x`` is not finite or empty, or the codes are no range.

    Examples
    --------
    >>> import torch
    >>> quantize_per_tensor(torch.tensor([[-1.0, 0.5], [2.0, 0.0]]), -8, 7).codes
    tensor([[-8, -1],
            [ 7, -3]], dtype=torch.int8)
    """
    check_values("x", x)
    check_code_range(qmin, qmax)
    scale, zero_point = affine_qparams(x.detach().amin(), x.detach().amax(), qmin, qmax, symmetric)
    return Quantized(_quantize(x, scale, zero_point, qmin, qmax), scale, zero_point)


def channel_qparams(
    x: Float[Tensor, "*shape"], qmin: int, qmax: int, axis: int = 0, symmetric: bool = False
) -> QParams:
    """Give each channel the scale and zero point of its own range.

    Parameters
    ----------
    x : Tensor, any shape of at least one axis, float32 or float64
    qmin, qmax : int
        The codes.
    axis : int, default 0
        Which axis the channels are: 0, the outputs, for a weight of shape [out, in].
    symmetric : bool, default False
        As for `affine_qparams`.

    Returns
    -------
    QParams
        ``scale`` and ``zero_point`` of shape [channels]. A channel of zeros gets the smallest scale and keeps
        its zeros; it does not become NaN.

    Raises
    ------
    TypeError, ValueError
        If ``x`` is not finite or empty, ``axis`` is none of its axes, or the codes are no range.

    Examples
    --------
    >>> import torch
    >>> channel_qparams(torch.tensor([[-1.0, 0.5], [0.0, 30.0]]), -7, 7, symmetric=True).scale
    tensor([0.1429, 4.2857])
    """
    check_values("x", x)
    check_axis("axis", axis, x)
    channels = x.detach().movedim(axis, 0).reshape(x.shape[axis], -1)
    return affine_qparams(channels.amin(dim=1), channels.amax(dim=1), qmin, qmax, symmetric)


def quantize_per_channel(
    x: Float[Tensor, "*shape"], qmin: int, qmax: int, axis: int = 0, symmetric: bool = False
) -> Quantized:
    """Quantize each channel over its own range.

    Parameters
    ----------
    x : Tensor, any shape of at least one axis, float32 or float64
    qmin, qmax : int
        The codes.
    axis : int, default 0
        Which axis the channels are: 0, the outputs, for a weight of shape [out, in].
    symmetric : bool, default False
        As for `affine_qparams`; usual for weights.

    Returns
    -------
    Quantized
        ``codes`` of the shape of ``x``; ``scale`` and ``zero_point`` of shape [channels].

    Raises
    ------
    TypeError, ValueError
        As for `channel_qparams`.

    References
    ----------
    Krishnamoorthi 2018, arXiv:1806.08342, section 2.1: per-channel weights.

    Examples
    --------
    >>> import torch
    >>> quantize_per_channel(torch.tensor([[-1.0, 0.4], [0.0, 30.0]]), -7, 7, symmetric=True).codes
    tensor([[-7,  3],
            [ 0,  7]], dtype=torch.int8)
    """
    scale, zero_point = channel_qparams(x, qmin, qmax, axis, symmetric)
    codes = _quantize(x, spread(scale, x, axis), spread(zero_point, x, axis), qmin, qmax)
    return Quantized(codes, scale, zero_point)


def quantize_per_group(
    x: Float[Tensor, "rows dim"], group_size: int, qmin: int, qmax: int, symmetric: bool = False
) -> Quantized:
    """Quantize runs of ``group_size`` neighbours in each row, each over its own range.

    Parameters
    ----------
    x : Tensor, shape [rows, dim], float32 or float64
    group_size : int
        Neighbours along the last axis that share a scale; must divide dim. 32 to 128 are usual.
    qmin, qmax : int
        The codes.
    symmetric : bool, default False
        As for `affine_qparams`.

    Returns
    -------
    Quantized
        ``codes`` of the shape of ``x``; ``scale`` and ``zero_point`` of shape [rows, dim / group_size], which
        `dequantize` and `fake_quantize` understand.

    Raises
    ------
    TypeError, ValueError
        If ``x`` is no finite, non-empty matrix, or ``group_size`` leaves a rest.

    Notes
    -----
    A scale costs bits too: 16 for each group of 32 codes are half a bit for each weight.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[0.1, -0.2, 10.0, 5.0]])
    >>> quantize_per_group(x, 2, -7, 7, symmetric=True)
    Quantized(codes=tensor([[ 4, -7,  7,  4]], dtype=torch.int8), scale=tensor([[0.0286, 1.4286]]), \
zero_point=tensor([[0, 0]]))
    """
    check_values("x", x)
    check_rank("x", x, ("rows", "dim"))
    check_group_size(group_size, x.shape[1])
    groups = x.detach().unflatten(1, (-1, group_size))
    scale, zero_point = affine_qparams(groups.amin(dim=2), groups.amax(dim=2), qmin, qmax, symmetric)
    codes = _quantize(x, spread(scale, x, None), spread(zero_point, x, None), qmin, qmax)
    return Quantized(codes, scale, zero_point)


def effective_bits(bits: int, group_size: int, scale_bits: int = 16, zero_point_bits: int = 0) -> float:
    """Bits for each weight, with what scale and zero point of its group cost.

    bits + (scale_bits + zero_point_bits) / group_size

    Parameters
    ----------
    bits : int from 2 to 16
    group_size : int
        Weights that share a scale: a whole row for per-channel scales.
    scale_bits, zero_point_bits : int
        What is stored for each group.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If ``bits`` is out of range or ``group_size`` no positive integer.

    Examples
    --------
    >>> effective_bits(4, 32), effective_bits(4, 128, zero_point_bits=4)
    (4.5, 4.15625)
    """
    check_bits("bits", bits)
    check_int("group_size", group_size, low=1)
    check_int("scale_bits", scale_bits, low=0)
    check_int("zero_point_bits", zero_point_bits, low=0)
    return bits + (scale_bits + zero_point_bits) / group_size
