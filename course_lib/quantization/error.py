"""How far quantization is from the truth: squared error, signal-to-noise ratio, and their two sources."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.quantization.affine import _dequantize, _quantize
from course_lib.quantization.checks import (
    check_bits,
    check_code_range,
    check_pair,
    check_step,
    check_values,
    check_zero_point,
)
from course_lib.quantization.qparams import code_range


class ErrorParts(NamedTuple):
    """Mean squared errors by source; their sum is the whole."""

    rounding: Float[Tensor, ""]
    clipping: Float[Tensor, ""]


def quantization_error(x: Float[Tensor, "*shape"], x_hat: Float[Tensor, "*shape"]) -> Float[Tensor, ""]:
    """Squared distance between values and what quantization makes of them.

    E = ‖x − x̃‖₂² = Σ (x − x̃)²

    Parameters
    ----------
    x, x_hat : Tensor, one shape and dtype, float32 or float64

    Returns
    -------
    Tensor, 0-d
        In squared units of x: a sum, so that it grows with the tensor. Divide by ``x.numel()`` for the mean.

    Raises
    ------
    TypeError, ValueError
        If the tensors are not finite, empty, or of different shape or dtype.

    Examples
    --------
    >>> import torch
    >>> quantization_error(torch.tensor([1.0, 2.0]), torch.tensor([1.5, 2.0]))
    tensor(0.2500)
    """
    check_pair(x, x_hat)
    return ((x - x_hat) ** 2).sum()


def sqnr_db(x: Float[Tensor, "*shape"], x_hat: Float[Tensor, "*shape"]) -> Float[Tensor, ""]:
    """Signal to quantization noise ratio, in decibels.

    SQNR = 10 log₁₀( Σ x² / Σ (x − x̃)² )

    Parameters
    ----------
    x, x_hat : Tensor, one shape and dtype, float32 or float64

    Returns
    -------
    Tensor, 0-d
        0 dB is what replacing everything by zeros gives, 20 dB noise of a tenth of the signal's size, +∞ no
        error at all.

    Raises
    ------
    TypeError, ValueError
        As for `quantization_error`, or if all of ``x`` is 0: the ratio is then 0/0 or says nothing.

    Notes
    -----
    Sums of float32 are taken in float64. The ratio is taken over the whole tensor, so it is that of its
    largest entries: a good number says nothing of small channels.

    Examples
    --------
    >>> import torch
    >>> sqnr_db(torch.tensor([1.0, 2.0]), torch.tensor([1.1, 1.8]))
    tensor(20.0000)
    """
    check_pair(x, x_hat)
    signal = (x.double() ** 2).sum()
    if signal == 0:
        raise ValueError("x must not be all zeros: there is no signal to compare the noise with.")
    return (10 * torch.log10(signal / ((x.double() - x_hat.double()) ** 2).sum())).to(x.dtype)


def predicted_sqnr_db(bits: int, crest: float) -> float:
    """SQNR that uniform rounding noise of s²/12 would give a symmetric grid over the whole range.

    s = max|x| / (2^{b−1} − 1), crest = max|x| / rms(x):  SQNR = 10 log₁₀( 12 (2^{b−1} − 1)² / crest² )

    Parameters
    ----------
    bits : int from 2 to 16
    crest : float ≥ 1
        How far the largest value stands out: 1 for signs, √3 for a uniform distribution, about 4 for
        thousands of Gaussian values, 100 and more with an outlier.

    Returns
    -------
    float
        Decibels: about 6.02 more for each bit, 6.02 fewer for each doubling of the crest.

    Raises
    ------
    TypeError, ValueError
        If ``bits`` is out of range, or ``crest`` is less than 1.

    References
    ----------
    Bennett 1948, *Spectra of quantized signals*, for the noise of s²/12.

    Examples
    --------
    >>> round(predicted_sqnr_db(8, 4.0), 2)
    40.83
    """
    check_bits("bits", bits)
    check_step("crest", crest)
    if crest < 1:
        raise ValueError(f"crest must be at least 1, got {crest:g}: no mean is above the maximum.")
    return 10 * math.log10(12 * (2 ** (bits - 1) - 1) ** 2 / crest**2)


def clip_and_round_error(
    x: Float[Tensor, "*shape"], scale: float | Tensor, zero_point: int | Tensor, qmin: int, qmax: int
) -> ErrorParts:
    """Split the mean squared error into what rounding costs and what clipping costs.

    clipping: values outside [s (qmin − z), s (qmax − z)], which become the nearest end; rounding: all others

    Parameters
    ----------
    x : Tensor, any shape, float32 or float64
    scale : float > 0 or 0-d Tensor
    zero_point : int or 0-d integer Tensor
    qmin, qmax : int

    Returns
    -------
    ErrorParts
        ``rounding`` and ``clipping``, 0-d, both sums divided by the number of *all* values: together they are
        the mean squared error.

    Raises
    ------
    TypeError, ValueError
        If ``x`` is not finite or empty, the scale is not one positive number, or the codes are no range.

    References
    ----------
    Nagel et al. 2021, arXiv:2106.08295, section 2.2: the trade-off between the two.

    Examples
    --------
    >>> import torch
    >>> clip_and_round_error(torch.tensor([0.25, 3.0]), 1.0, 0, -2, 1)
    ErrorParts(rounding=tensor(0.0312), clipping=tensor(2.))
    """
    check_values("x", x)
    check_step("scale", scale)
    if isinstance(scale, Tensor) and scale.ndim > 0:
        raise ValueError(f"scale must be one number here, got shape {list(scale.shape)}.")
    check_zero_point("zero_point", zero_point, scale)
    check_code_range(qmin, qmax)
    step = torch.as_tensor(scale, dtype=x.dtype)
    squared = (x - _dequantize(_quantize(x, step, zero_point, qmin, qmax), step, zero_point)) ** 2
    outside = (x < step * (qmin - zero_point)) | (x > step * (qmax - zero_point))
    nothing = torch.zeros_like(squared)
    rounding = torch.where(outside, nothing, squared).mean()
    return ErrorParts(rounding, torch.where(outside, squared, nothing).mean())


def best_clip(
    x: Float[Tensor, "*shape"], bits: int, candidates: Float[Tensor, "clips"] | None = None
) -> Float[Tensor, ""]:
    """Find the symmetric clip limit of least mean squared error.

    argmin over c of mean (x − x̃)², with s = c / (2^{b−1} − 1) and codes −(2^{b−1} − 1) … 2^{b−1} − 1

    Parameters
    ----------
    x : Tensor, any shape, float32 or float64
    bits : int from 2 to 16
    candidates : Tensor, shape [clips], dtype of ``x``, optional
        Limits to try, all positive. Default: 200 of them, evenly up to max|x|.

    Returns
    -------
    Tensor, 0-d
        One of the candidates, the first of several equally good ones.

    Raises
    ------
    TypeError, ValueError
        If ``x`` is not finite, empty or all zeros, ``bits`` is out of range, or a candidate is not positive.

    Notes
    -----
    The error has several local minima where bits are few, hence a search and no descent. Candidates are taken
    one after another, so memory is that of ``x``.

    References
    ----------
    Nagel et al. 2021, arXiv:2106.08295, section 3.1: the MSE range estimator.

    Examples
    --------
    >>> import torch
    >>> best_clip(torch.tensor([-1.0, 1.0, 1.0, -1.0, 1.5]), 2, torch.tensor([0.5, 1.0, 1.5]))
    tensor(1.)
    """
    check_values("x", x)
    check_bits("bits", bits)
    largest = x.detach().abs().max()
    if largest == 0:
        raise ValueError("x must not be all zeros: every clip limit is equally good.")
    if candidates is None:
        candidates = largest * torch.arange(1, 201, dtype=x.dtype, device=x.device) / 200
    check_values("candidates", candidates)
    check_step("candidates", candidates)
    qmin, qmax = code_range(bits, narrow=True)
    errors = [
        ((x - _dequantize(_quantize(x, step, 0, qmin, qmax), step, 0)) ** 2).mean()
        for step in candidates.flatten() / qmax
    ]
    return candidates.flatten()[torch.stack(errors).argmin()]
