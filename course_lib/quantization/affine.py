"""The affine map between real numbers and integer codes: quantize and dequantize.

Everywhere in this package the shape of ``scale`` says how finely it is set: 0-d (or a number) for a whole
tensor, [channels] along ``axis``, [rows, groups] for groups of the last axis of a matrix.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.quantization.checks import (
    check_code_range,
    check_codes,
    check_granularity,
    check_step,
    check_values,
    check_zero_point,
)


def quantize(
    x: Float[Tensor, "*shape"],
    scale: float | Float[Tensor, "*channels"],
    zero_point: int | Int[Tensor, "*channels"],
    qmin: int,
    qmax: int,
    axis: int | None = None,
) -> Int[Tensor, "*shape"]:
    """Round values to the nearest codes.

    q = clip(round(x / s) + z, qmin, qmax)

    Parameters
    ----------
    x : Tensor, any shape, float32 or float64
    scale : float > 0, or Tensor
        Width of a step: one, [channels] along ``axis``, or [rows, groups] for groups of the last axis.
    zero_point : int, or integer Tensor of the shape of ``scale``
        The code of 0.
    qmin, qmax : int
        The codes.
    axis : int, optional
        Which axis of ``x`` the channels are, for a ``scale`` of shape [channels].

    Returns
    -------
    Tensor, shape of ``x``
        In the smallest of int8, uint8, int16 and int32 that holds qmin … qmax.

    Raises
    ------
    TypeError, ValueError
        If ``x`` is not finite or empty, a scale is not positive, or shapes do not fit.

    Notes
    -----
    Clipped before the conversion: a float of 200 that is converted to int8 first becomes −56. Halves round to
    even, as in torch and numpy. torch multiplies by the reciprocal of the scale, whose rounding may move a
    value that lies within a rounding error of a half to the next code.

    References
    ----------
    Jacob et al. 2017, arXiv:1712.05877, equation 12.

    Examples
    --------
    >>> import torch
    >>> quantize(torch.tensor([-1.0, 0.0, 0.26, 9.0]), 0.1, 3, -8, 7)
    tensor([-7,  3,  6,  7], dtype=torch.int8)
    """
    check_values("x", x)
    _check_grid(x, scale, zero_point, axis)
    check_code_range(qmin, qmax)
    return _quantize(x, spread(scale, x, axis), spread(zero_point, x, axis), qmin, qmax)


def dequantize(
    codes: Int[Tensor, "*shape"],
    scale: float | Float[Tensor, "*channels"],
    zero_point: int | Int[Tensor, "*channels"],
    axis: int | None = None,
) -> Float[Tensor, "*shape"]:
    """Give the values that codes stand for.

    x̃ = s (q − z)

    Parameters
    ----------
    codes : integer Tensor, any shape
    scale, zero_point, axis :
        As for `quantize`.

    Returns
    -------
    Tensor, shape of ``codes``
        In the dtype of ``scale`` (torch's default for a number).

    Raises
    ------
    TypeError, ValueError
        If ``codes`` are no integers, a scale is not positive, or shapes do not fit.

    Notes
    -----
    The difference is taken in floating point: in int8, 127 − (−128) would wrap round to −1.

    Examples
    --------
    >>> import torch
    >>> dequantize(torch.tensor([-7, 3, 6, 7], dtype=torch.int8), 0.1, 3)
    tensor([-1.0000,  0.0000,  0.3000,  0.4000])
    """
    check_codes("codes", codes)
    _check_grid(codes, scale, zero_point, axis, "codes")
    return _dequantize(codes, spread(scale, codes, axis), spread(zero_point, codes, axis))


def spread(value: float | Tensor, tensor: Tensor, axis: int | None) -> float | Tensor:
    """Give a scale or zero point a shape that broadcasts with ``tensor``; shapes are not checked."""
    if not isinstance(value, Tensor) or value.ndim == 0:
        return value
    if value.ndim == 1:
        shape = [1] * tensor.ndim
        shape[axis if axis is not None else 0] = -1
        return value.reshape(shape)
    return value.repeat_interleave(tensor.shape[1] // value.shape[1], dim=1)


def _check_grid(
    tensor: Tensor, scale: float | Tensor, zero_point: int | Tensor, axis: int | None, name: str = "x"
) -> None:
    check_step("scale", scale)
    check_zero_point("zero_point", zero_point, scale)
    check_granularity(tensor, scale, axis, name)


def _quantize(x: Tensor, scale: float | Tensor, zero_point: float | Tensor, qmin: int, qmax: int) -> Tensor:
    return (torch.round(x / scale) + zero_point).clamp(qmin, qmax).to(_code_dtype(qmin, qmax))


def _dequantize(codes: Tensor, scale: float | Tensor, zero_point: float | Tensor) -> Tensor:
    dtype = scale.dtype if isinstance(scale, Tensor) else torch.get_default_dtype()
    return (codes.to(dtype) - zero_point) * scale


def _code_dtype(qmin: int, qmax: int) -> torch.dtype:
    for dtype in (torch.int8, torch.uint8, torch.int16):
        limits = torch.iinfo(dtype)
        if limits.min <= qmin and qmax <= limits.max:
            return dtype
    return torch.int32
