"""Rounding with dither: noise before the rounding, so that the mean of the result is smooth."""

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.quantization.checks import check_code_range, check_step, check_values
from course_lib.validate import check_same_kind, check_same_shape


def dithered_quantize(
    x: Float[Tensor, "*shape"],
    noise: Float[Tensor, "*shape"],
    scale: float,
    qmin: int,
    qmax: int,
) -> Float[Tensor, "*shape"]:
    """Round to one of the two neighbouring grid points by chance: nearer ones more often.

    x̃ = s · clip(round(x/s + u), qmin, qmax);  for u uniform on [−½, ½] its mean is clip(x, s qmin, s qmax)

    Parameters
    ----------
    x : Tensor, any shape, float32 or float64
    noise : Tensor, shape and dtype of ``x``
        u, in steps, from −½ to ½.
    scale : float > 0
        s, the width of a step. The zero point is 0.
    qmin, qmax : int
        The codes.

    Returns
    -------
    Tensor, shape and dtype of ``x``
        Values of the grid, without a gradient.

    Raises
    ------
    TypeError, ValueError
        If ``x`` and ``noise`` do not fit each other, the noise is larger than half a step, or the scale or
        the codes are out of range.

    Notes
    -----
    The derivative of the mean is 1 inside the clipping range and 0 outside: the straight-through estimator.

    References
    ----------
    Gupta et al. 2015, arXiv:1502.02551, section 3 (stochastic rounding).

    Examples
    --------
    >>> x = torch.full((4,), 0.3)
    >>> dithered_quantize(x, torch.tensor([-0.4, -0.1, 0.1, 0.4]), 1.0, -2, 1)
    tensor([-0., 0., 0., 1.])
    """
    check_values("x", x)
    check_values("noise", noise)
    check_same_kind("noise", noise, "x", x)
    check_same_shape("noise", noise, "x", x)
    largest = float(noise.abs().max())
    if largest > 0.5:
        raise ValueError(f"noise must be at most half a step either way, got {largest:g}.")
    if isinstance(scale, Tensor) and scale.ndim:
        raise ValueError(f"scale must be one number, got shape {list(scale.shape)}.")
    check_step("scale", scale)
    check_code_range(qmin, qmax)
    return torch.round(x.detach() / scale + noise).clamp(qmin, qmax) * scale
