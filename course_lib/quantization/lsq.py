"""Learned step size quantization: the width of a step is a parameter, with a gradient of its own."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.quantization.affine import spread
from course_lib.quantization.checks import (
    check_axis,
    check_code_range,
    check_granularity,
    check_step,
    check_values,
)
from course_lib.quantization.qparams import SMALLEST_SCALE
from course_lib.validate import check_int, check_positive, check_same_kind


def lsq_fake_quantize(
    x: Float[Tensor, "*shape"],
    scale: Float[Tensor, "*channels"],
    qmin: int,
    qmax: int,
    *,
    axis: int | None = None,
    grad_scale: float | None = None,
) -> Float[Tensor, "*shape"]:
    """Quantize and dequantize symmetrically, with gradients for the values and for the step.

    v = x/s,  x̃ = s · round(clip(v, qmin, qmax));  ∂L/∂x = ∂L/∂x̃ where qmin ≤ v ≤ qmax, else 0;
    ∂L/∂s = g Σ ∂L/∂x̃ · (qmin where v < qmin, qmax where v > qmax, else round(v) − v)

    Parameters
    ----------
    x : Tensor, any shape, float32 or float64
    scale : Tensor > 0, dtype of ``x``
        The step s: 0-d, or [channels] along ``axis``.
    qmin, qmax : int
        The codes, qmin ≤ 0 < qmax. The zero point is 0.
    axis : int, optional
        Which axis of ``x`` the channels are, for a ``scale`` of shape [channels].
    grad_scale : float > 0, optional
        g; by default 1 / √(values for each step · qmax), as in the paper.

    Returns
    -------
    Tensor, shape and dtype of ``x``
        Values of the grid.

    Raises
    ------
    TypeError, ValueError
        If ``x`` is no finite float tensor, ``scale`` is no tensor of its dtype or not positive, the codes do
        not lie around 0, or shapes do not fit.

    Notes
    -----
    The step's derivative follows from taking the rounding offset round(v) − v for a constant, which is the
    straight-through estimator once more. It is a sum over all values that share the step, while each value
    has a gradient of its own: g makes the relative change of s about as large as that of the values.

    ``torch._fake_quantize_learnable_per_tensor_affine`` asks whether the *rounded* code lies inside, as
    `fake_quantize` does. So it differs for values up to half a step beyond an end: there v is clipped for the
    paper, and rounded for torch.

    References
    ----------
    Esser et al. 2019, arXiv:1902.08153, equations 1 to 5 and section 2.2.

    Examples
    --------
    >>> x = torch.tensor([-9.0, 0.3, 1.1], requires_grad=True)
    >>> s = torch.tensor(0.5, requires_grad=True)
    >>> lsq_fake_quantize(x, s, -4, 3, grad_scale=1.0).sum().backward()
    >>> x.grad, s.grad
    (tensor([0., 1., 1.]), tensor(-3.8000))
    """
    check_values("x", x)
    _check_scale(x, scale, axis)
    _check_codes(qmin, qmax)
    if grad_scale is None:
        grad_scale = 1 / math.sqrt(x.numel() / scale.numel() * qmax)
    check_positive("grad_scale", grad_scale)
    return _LSQ.apply(x, scale, qmin, qmax, axis, float(grad_scale))


def lsq_initial_step(
    x: Float[Tensor, "*shape"], qmax: int, axis: int | None = None
) -> Float[Tensor, "*channels"]:
    """Give the step with which the training of a step starts.

    s = 2 mean|x| / √qmax

    Parameters
    ----------
    x : Tensor, any shape, float32 or float64
        The weight as trained, or activations of a first batch.
    qmax : int ≥ 1
        The largest code.
    axis : int, optional
        One step for each channel along this axis; by default one for all.

    Returns
    -------
    Tensor, 0-d or [channels], dtype of ``x``
        At least 2⁻²³, which a tensor of zeros gets.

    Raises
    ------
    TypeError, ValueError
        If ``x`` is no finite float tensor, or ``qmax`` or ``axis`` is out of range.

    References
    ----------
    Esser et al. 2019, arXiv:1902.08153, section 2.1.

    Examples
    --------
    >>> lsq_initial_step(torch.tensor([-1.0, 0.0, 3.0, 4.0]), 4)
    tensor(2.)
    """
    check_values("x", x)
    check_int("qmax", qmax, low=1, high=2**16)
    magnitudes = x.detach().abs()
    if axis is None:
        mean = magnitudes.mean()
    else:
        check_axis("axis", axis, x)
        mean = magnitudes.movedim(axis, 0).flatten(1).mean(dim=1) if x.ndim > 1 else magnitudes
    return (2 * mean / math.sqrt(qmax)).clamp_min(SMALLEST_SCALE)


class _LSQ(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, scale: Tensor, qmin: int, qmax: int, axis: int | None, grad_scale: float
    ) -> Tensor:
        step = spread(scale, x, axis)
        ctx.save_for_backward(x, scale)
        ctx.setting = qmin, qmax, axis, grad_scale
        return torch.round((x / step).clamp(qmin, qmax)) * step

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (upstream,) = gradients
        x, scale = ctx.saved_tensors
        qmin, qmax, axis, grad_scale = ctx.setting
        v = x / spread(scale, x, axis)
        below, above = v < qmin, v > qmax
        offset = torch.where(below, float(qmin), torch.where(above, float(qmax), torch.round(v) - v))
        per_value = upstream * offset
        if scale.ndim:
            kept = axis % x.ndim if axis is not None else 0
            summed = per_value.movedim(kept, 0).reshape(len(scale), -1).sum(dim=1)
        else:
            summed = per_value.sum()
        return upstream * ~(below | above), grad_scale * summed, None, None, None, None


def _check_scale(x: Tensor, scale: Any, axis: int | None) -> None:
    if not isinstance(scale, Tensor):
        raise TypeError(f"scale must be a tensor, which can be learned, got {type(scale).__name__}.")
    check_step("scale", scale)
    check_same_kind("scale", scale, "x", x)
    if scale.ndim > 1:
        raise ValueError(f"scale must be 0-d or [channels], got shape {list(scale.shape)}.")
    check_granularity(x, scale, axis)


def _check_codes(qmin: Any, qmax: Any) -> None:
    check_code_range(qmin, qmax)
    if qmin > 0 or qmax < 1:
        raise ValueError(f"the codes must hold 0 and a positive one, got qmin = {qmin} and qmax = {qmax}.")
