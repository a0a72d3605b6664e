"""Quantize and dequantize, with a gradient inside the clipping range only."""

from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _values(
    shape: tuple[int, ...], zero_point: int, bits: int, steps: tuple[float, float], name: str
) -> CaseSpec:
    qmin, qmax = quantization.code_range(bits)

    def make(rng: Generator) -> dict[str, object]:
        size = int(np.prod(shape))
        codes = rng.integers(qmin, qmax + 1, size=size)
        # Whatever is drawn: values beyond both ends, by more than half a step, and the outermost codes.
        codes[:2] = qmax + rng.integers(1, 4), qmin - rng.integers(1, 4)
        codes[2:4] = qmax, qmin
        offsets = rng.uniform(0.05, 0.4, size=size) * rng.choice([-1, 1], size=size)
        # Inwards at the ends: there some take the rounded code for inside, others the value.
        offsets[codes == qmax] = -np.abs(offsets[codes == qmax])
        offsets[codes == qmin] = np.abs(offsets[codes == qmin])
        scale = float(rng.uniform(*steps))
        x = (scale * (codes - zero_point + offsets)).reshape(shape)
        return {"x": x, "scale": scale, "zero_point": zero_point, "qmin": qmin, "qmax": qmax}

    return case(name, make)


asked = Exercise(
    "quantization_aware.fake_quantize",
    title="Fake quantization",
    minutes=14,
    skills=["straight-through estimator", "clipping", "autograd"],
    reference=quantization.fake_quantize,
    outputs=["values on the grid"],
    gradients_of=["x"],
    groups={"value": 1, "gradient": 2},
    cases=[
        _values((6,), 0, 3, (0.1, 0.4), "6 values on 3 bits"),
        _values((3, 4), 2, 3, (1.5, 2.5), "3×4 values on 3 bits, wide steps, z = 2"),
        _values((2, 5), -3, 4, (0.1, 0.4), "2×5 values on 4 bits, z = -3"),
    ],
    hints=[
        "Two things have no useful derivative by themselves: the rounding, for which you have an estimator, and the "
        "clip, which has a derivative that autograd knows.",
        "x/s → rounded, gradient 1 → + z → clamp(qmin, qmax), whose gradient is 0 outside → − z → times s. The 1/s of "
        "the first step and the s of the last cancel.",
        "codes = quantization.round_ste(x / scale) + zero_point; clamp them, subtract zero_point, and multiply by scale.",
    ],
    follow_up="A value lies 0.3 steps beyond the last code. Is it rounded or clipped, and what should its gradient be?",
)


def _grid(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    codes = (torch.round(x.detach() / scale) + zero_point).clamp(qmin, qmax)
    return scale * (codes - zero_point)


def _inside(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    codes = torch.round(x.detach() / scale) + zero_point
    return (codes >= qmin) & (codes <= qmax)


def _with(values: Tensor, x: Tensor, slope: Tensor | float) -> Tensor:
    return values + slope * (x - x.detach())


@asked.misconception(
    "gradient 1 outside of the range too",
    says="A clipped value does not change its output when it moves a little, but your gradient says that it does.",
    asks="What is the derivative of clip(x, low, high) for x > high?",
)
def unmasked(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return _with(_grid(x, scale, zero_point, qmin, qmax), x, 1.0)


@asked.misconception(
    "no gradient at all",
    says="The values are right, and the gradient is 0 everywhere: torch.round has none to give.",
    asks="Where in your chain does the gradient end?",
)
def no_gradient(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return _with(_grid(x, scale, zero_point, qmin, qmax), x, 0.0)


@asked.misconception(
    "the gradient is multiplied by s",
    says="That is ∂L/∂X_int, the printed formula at its word, inside the range: s times the gradient that is meant.",
    asks="If x̃ ≈ x inside the range, what is ∂x̃/∂x?",
    source="the source card's formula: ∂L/∂X ≈ ∂L/∂X_int",
)
def times_scale(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    mask = _inside(x, scale, zero_point, qmin, qmax)
    return _with(_grid(x, scale, zero_point, qmin, qmax), x, scale * mask)


@asked.misconception(
    "the printed formula at its word",
    says="Your gradient is s inside the range and outside: ∂L/∂X_int, and no clip in it.",
    asks="Which two things does ∂L/∂X ≈ ∂L/∂X_int leave out?",
    source="the source card's formula: ∂L/∂X ≈ ∂L/∂X_int",
)
def literal(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return _with(_grid(x, scale, zero_point, qmin, qmax), x, scale)


@asked.misconception(
    "the gradient is divided by s",
    says="You round x/s with an estimator and give the result of the last multiplication no gradient, or lose its s.",
    asks="The chain has a 1/s at its beginning. Which step brings the s back?",
)
def over_scale(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    mask = _inside(x, scale, zero_point, qmin, qmax)
    return _with(_grid(x, scale, zero_point, qmin, qmax), x, mask / scale)


@asked.misconception(
    "the mask is turned round",
    says="Your gradient is 1 outside of the range and 0 inside.",
    asks="Which values can still move their output: those that are clipped?",
)
def turned_round(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    mask = ~_inside(x, scale, zero_point, qmin, qmax)
    return _with(_grid(x, scale, zero_point, qmin, qmax), x, mask)


@asked.misconception(
    "the outermost codes get no gradient",
    says="Your mask leaves out values that round to qmin or qmax, although nothing is cut off them.",
    asks="Is a value that rounds to qmax clipped?",
)
def strict(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    codes = torch.round(x.detach() / scale) + zero_point
    return _with(_grid(x, scale, zero_point, qmin, qmax), x, (codes > qmin) & (codes < qmax))


@asked.misconception(
    "the mask compares x with the codes",
    says="qmin and qmax are codes, and you ask whether the value x lies between them.",
    asks="Which value does the code qmax stand for?",
)
def compares_values(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    mask = (x.detach() >= qmin) & (x.detach() <= qmax)
    return _with(_grid(x, scale, zero_point, qmin, qmax), x, mask)


@asked.misconception(
    "the mask forgets the zero point",
    says="Right for z = 0; otherwise your range of gradients lies z steps away from the grid.",
    asks="Between which values of x/s lie the codes qmin … qmax?",
)
def mask_without_zero_point(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return _with(_grid(x, scale, zero_point, qmin, qmax), x, _inside(x, scale, 0, qmin, qmax))


@asked.misconception(
    "only the upper end is masked",
    says="Values below the lowest code are clipped as well, and keep their gradient in your function.",
    asks="How many ends has the range?",
)
def upper_only(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    codes = torch.round(x.detach() / scale) + zero_point
    return _with(_grid(x, scale, zero_point, qmin, qmax), x, codes <= qmax)


@asked.misconception(
    "codes instead of values",
    says="You return the codes (less the zero point): the way back, times s, is missing.",
    asks="In which unit does the next layer want its inputs?",
)
def codes_returned(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    mask = _inside(x, scale, zero_point, qmin, qmax)
    return _with(_grid(x, scale, zero_point, qmin, qmax) / scale, x, mask / scale)


@asked.misconception(
    "the zero point is not taken off again",
    says="Your values lie z steps off: s·q instead of s·(q − z).",
    asks="Which value does the code z stand for?",
)
def zero_point_kept(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    mask = _inside(x, scale, zero_point, qmin, qmax)
    return _with(_grid(x, scale, zero_point, qmin, qmax) + scale * zero_point, x, mask)


@asked.misconception(
    "the zero point is forgotten",
    says="You quantize as if z were 0: the grid's ends are those of another range.",
    asks="Which code should x = 0 get?",
)
def zero_point_forgotten(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return _with(_grid(x, scale, 0, qmin, qmax), x, _inside(x, scale, 0, qmin, qmax))


@asked.misconception(
    "nothing is clipped",
    says="Values beyond the range get grid points that have no code, and a gradient.",
    asks="How many codes are there?",
)
def unclipped(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return _with(scale * torch.round(x.detach() / scale), x, 1.0)


class _Masked(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
        codes = torch.round(x / scale) + zero_point
        ctx.inside = codes.eq(codes.clamp(qmin, qmax))
        return (codes.clamp(qmin, qmax) - zero_point) * scale

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        return upstream[0] * ctx.inside, None, None, None, None


@asked.also_correct("step by step, by way of the rounding estimator")
def by_steps(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    steps = x / scale
    codes = steps + (torch.round(steps) - steps).detach() + zero_point
    return (torch.clamp(codes, qmin, qmax) - zero_point) * scale


@asked.also_correct("an autograd function with a mask")
def own_function(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return _Masked.apply(x, scale, zero_point, qmin, qmax)


@asked.also_correct("clipped first, as a value, and then rounded")
def clipped_first(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    low, high = scale * (qmin - zero_point), scale * (qmax - zero_point)
    cut = torch.minimum(torch.maximum(x, torch.full_like(x, low)), torch.full_like(x, high))
    return cut - (cut - scale * torch.round(cut / scale)).detach()
