"""Which grid: the codes that so many bits hold, and the scale and zero point that lay them over a range."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.quantization.checks import check_bits, check_code_range, check_step, check_values
from course_lib.validate import check_same_kind, check_same_shape

#: The smallest scale, that of torch.ao: a channel of zeros gets this one, not 0 (and then 0/0).
SMALLEST_SCALE = 2.0**-23


class QParams(NamedTuple):
    """What an affine grid is given by."""

    scale: Float[Tensor, "*channels"]
    zero_point: Int[Tensor, "*channels"]


class CodeRange(NamedTuple):
    """The smallest and the largest code."""

    qmin: int
    qmax: int


def code_range(bits: int, *, signed: bool = True, narrow: bool = False) -> CodeRange:
    """Give the codes that ``bits`` bits can hold.

    signed: −2^{b−1} … 2^{b−1} − 1, without the lowest one if narrow; unsigned: 0 … 2^b − 1

    Parameters
    ----------
    bits : int from 2 to 16
    signed : bool, default True
    narrow : bool, default False
        Leave out −2^{b−1}, so that the codes lie symmetrically about 0.

    Returns
    -------
    CodeRange
        ``qmin`` and ``qmax``.

    Raises
    ------
    TypeError, ValueError
        If ``bits`` is no integer from 2 to 16.

    Examples
    --------
    >>> code_range(8), code_range(4, narrow=True), code_range(8, signed=False)
    (CodeRange(qmin=-128, qmax=127), CodeRange(qmin=-7, qmax=7), CodeRange(qmin=0, qmax=255))
    """
    check_bits("bits", bits)
    if not signed:
        return CodeRange(0, 2**bits - 1)
    return CodeRange(-(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1)


def affine_qparams(
    x_min: float | Float[Tensor, "*channels"],
    x_max: float | Float[Tensor, "*channels"],
    qmin: int,
    qmax: int,
    symmetric: bool = False,
    *,
    include_zero: bool = True,
    full_range: bool = False,
    eps: float = SMALLEST_SCALE,
) -> QParams:
    """Lay the codes qmin … qmax over a range of values.

    affine: s = (x_max − x_min) / (qmax − qmin), z = qmin − round(x_min / s), of [x_min, x_max] ∪ {0};
    symmetric: s = max(|x_min|, |x_max|) / min(qmax, −qmin), z = 0

    Parameters
    ----------
    x_min, x_max : float or Tensor of any shape, float32 or float64
        The range, in the units of x; one entry for each channel or group.
    qmin, qmax : int
        The codes; see `code_range`.
    symmetric : bool, default False
        Put 0 at code 0 and use one step size for both signs.
    include_zero : bool, default True
        Widen the range so that it holds 0, which then has a code of its own: zeros (padding, ReLU, masks) are
        reproduced exactly. llm-awq does not: there z may lie outside qmin … qmax.
    full_range : bool, default False
        For symmetric ranges: divide by (qmax − qmin)/2, 127.5 for int8, as torch.ao does, instead of the
        papers' 127. The step is a little smaller, and the largest positive value lies half a step outside.
    eps : float, default 2⁻²³
        The smallest scale: that of torch.ao. (SmoothQuant's own clamp is 1e-5.)

    Returns
    -------
    QParams
        ``scale`` in the dtype of ``x_min`` (torch's default for numbers) and ``zero_point``, int64, both of
        the shape of ``x_min``. A range of width 0 at 0, a dead channel, gets the scale ``eps``: its zeros are
        reproduced exactly.

    Raises
    ------
    TypeError, ValueError
        If the range is not finite or upside down, the codes are no range, or ``symmetric`` is asked for codes
        that have no negative half.

    Notes
    -----
    z is rounded, so the grid covers the range up to half a step: every value inside is reproduced to within
    s/2, in exact arithmetic. Each end is divided by the number of steps before the difference is taken, which
    cannot overflow.

    References
    ----------
    Jacob et al. 2017, arXiv:1712.05877, section 2.1 and equation 12; Krishnamoorthi 2018, arXiv:1806.08342,
    sections 2.1 and 2.2; Nagel et al. 2021, arXiv:2106.08295, section 2.2.

    Examples
    --------
    >>> affine_qparams(-1.0, 4.0, -128, 127)
    QParams(scale=tensor(0.0196), zero_point=tensor(-77))
    >>> affine_qparams(-1.0, 4.0, -127, 127, symmetric=True)
    QParams(scale=tensor(0.0315), zero_point=tensor(0))
    """
    low, high = torch.as_tensor(x_min), torch.as_tensor(x_max)
    _check_range(low, high)
    check_code_range(qmin, qmax)
    check_step("eps", eps)
    if symmetric:
        if qmin >= 0:
            raise ValueError(f"symmetric codes need a negative half, got qmin = {qmin} and qmax = {qmax}.")
        steps = (qmax - qmin) / 2 if full_range else min(qmax, -qmin)
        return _symmetric_qparams(low, high, steps, eps)
    if include_zero:
        low, high = low.clamp_max(0), high.clamp_min(0)
    elif bool((low == high).any()):
        raise ValueError("x_min and x_max must differ where the range need not hold 0, got a constant.")
    return _affine_qparams(low, high, qmin, qmax, eps)


def _check_range(low: Tensor, high: Tensor) -> None:
    check_values("x_min", low)
    check_values("x_max", high)
    check_same_kind("x_max", high, "x_min", low)
    check_same_shape("x_max", high, "x_min", low)
    if bool((low > high).any()):
        place = (low > high).nonzero()[0].tolist()
        one, other = low[tuple(place)].item(), high[tuple(place)].item()
        where = f" at index {place}" if place else ""
        raise ValueError(f"x_min must be at most x_max, got {one:g} and {other:g}{where}.")


def _symmetric_qparams(low: Tensor, high: Tensor, steps: float, eps: float) -> QParams:
    scale = (torch.maximum(low.abs(), high.abs()) / steps).clamp_min(eps)
    return QParams(scale, torch.zeros_like(scale, dtype=torch.int64))


def _affine_qparams(low: Tensor, high: Tensor, qmin: int, qmax: int, eps: float) -> QParams:
    steps = qmax - qmin
    scale = (high / steps - low / steps).clamp_min(eps)
    return QParams(scale, qmin - torch.round(low / scale).to(torch.int64))
