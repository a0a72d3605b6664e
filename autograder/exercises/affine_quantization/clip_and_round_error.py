"""The two parts of the error."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization

Parts = tuple[Tensor, Tensor]


def _spread(
    shape: tuple[int, ...], steps: float, zero_point: int, name: str, group: str | None = None
) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        scale = float(rng.uniform(0.2, 0.5))
        x = scale * steps * rng.normal(size=shape)
        # Whatever is drawn, values lie beyond both ends, one by less than half a step, and one just inside.
        places = [rng.uniform(8, 10), rng.uniform(7.2, 7.4), rng.uniform(-11, -9), rng.uniform(6.6, 6.9)]
        x.flat[:4] = scale * (np.array(places) - zero_point)
        return {"x": x, "scale": scale, "zero_point": zero_point, "qmin": -8, "qmax": 7}

    return case(name, make, group=group)


asked = Exercise(
    "affine_quantization.clip_and_round_error",
    title="Two sources of error",
    minutes=12,
    skills=["rounding", "clipping", "masks"],
    reference=quantization.clip_and_round_error,
    outputs=["rounding", "clipping"],
    groups={"value": 2},
    cases=[
        _spread((6,), 2, 0, "6 values around 0"),
        _spread((4, 5), 3, 0, "4×5 values around 0"),
        _spread((3, 4), 2, 3, "3×4 values and a zero point of 3"),
    ],
    hints=[
        "Which values can the grid represent at all? They have rounding errors; all others have clipping errors. No "
        "value has both.",
        "x̂ from quantize and dequantize; squared errors [like x]; outside = x < s(qmin − z) or x > s(qmax − z); two "
        "sums over disjoint sets, each divided by x.numel().",
        "squared = (x - x_hat)**2; outside = (x < lowest) | (x > highest); squared[~outside].sum() / x.numel(), and "
        "the same for outside.",
    ],
    follow_up="You halve the clip limit. What happens to each part, for a bell curve?",
)


def _squared(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return (x - quantization.fake_quantize(x, scale, zero_point, qmin, qmax)) ** 2


def _outside(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return (x < scale * (qmin - zero_point)) | (x > scale * (qmax - zero_point))


def _split(squared: Tensor, outside: Tensor) -> Parts:
    return (squared * ~outside).mean(), (squared * outside).mean()


@asked.misconception(
    "clipping is counted twice",
    says="Your rounding part is the error of all values, clipped ones included, so the two add up to too much.",
    asks="Does a value that is clipped have a rounding error as well? What should the two parts add up to?",
)
def clipping_twice(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Parts:
    squared = _squared(x, scale, zero_point, qmin, qmax)
    return squared.mean(), _split(squared, _outside(x, scale, zero_point, qmin, qmax))[1]


@asked.misconception(
    "each part is the mean over its own values",
    says="You divide each sum by the number of values in it: the parts do not add up to the mean squared error.",
    asks="How many values does the whole mean run over?",
)
def own_means(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Parts:
    squared = _squared(x, scale, zero_point, qmin, qmax)
    outside = _outside(x, scale, zero_point, qmin, qmax)
    return squared[~outside].mean(), squared[outside].mean()


@asked.misconception(
    "sums instead of means",
    says="Your parts are x.numel() times too large.",
    asks="Should the error of a tensor grow when it is repeated?",
)
def sums(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Parts:
    outside = _outside(x, scale, zero_point, qmin, qmax)
    squared = _squared(x, scale, zero_point, qmin, qmax)
    return squared[~outside].sum(), squared[outside].sum()


@asked.misconception(
    "the ends of the grid without the zero point",
    says="Right for z = 0. Otherwise your limits s·qmin and s·qmax lie z steps away from the ends of the grid.",
    asks="Which value does the code qmax stand for?",
)
def ends_without_zero_point(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Parts:
    squared = _squared(x, scale, zero_point, qmin, qmax)
    return _split(squared, (x < scale * qmin) | (x > scale * qmax))


@asked.misconception(
    "only the upper end is looked at",
    says="Values below the lowest code count as rounded.",
    asks="How many ends has the grid?",
)
def upper_end_only(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Parts:
    squared = _squared(x, scale, zero_point, qmin, qmax)
    return _split(squared, x > scale * (qmax - zero_point))


@asked.misconception(
    "everything at the outermost codes counts as clipped",
    says="You look at the codes: a value that rounds to qmax from below was not cut, only rounded.",
    asks="Is a value of 0.8 steps below the end outside of the grid?",
)
def by_codes(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Parts:
    codes = quantization.quantize(x, scale, zero_point, qmin, qmax)
    squared = _squared(x, scale, zero_point, qmin, qmax)
    return _split(squared, (codes == qmin) | (codes == qmax))


@asked.misconception(
    "clipped only where the rounded code leaves the range",
    says="Values up to half a step beyond an end of the grid count as rounded, since their code is still the last.",
    asks="Does a value beyond the last grid point lie in the grid?",
)
def by_rounded_codes(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Parts:
    codes = torch.round(x / scale) + zero_point
    return _split(_squared(x, scale, zero_point, qmin, qmax), (codes < qmin) | (codes > qmax))


@asked.misconception(
    "magnitudes instead of squares",
    says="You average |x − x̂|.",
    asks="Which error adds up to the mean squared error?",
)
def magnitudes(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Parts:
    squared = _squared(x, scale, zero_point, qmin, qmax)
    return _split(squared.sqrt(), _outside(x, scale, zero_point, qmin, qmax))


@asked.misconception(
    "the formula for the rounding part",
    says="You return s²/12, which is an estimate, where the error itself can be measured.",
    asks="Does s²/12 know how many values are rounded at all?",
)
def by_formula(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Parts:
    squared = _squared(x, scale, zero_point, qmin, qmax)
    clipping = _split(squared, _outside(x, scale, zero_point, qmin, qmax))[1]
    return torch.full_like(clipping, scale**2 / 12), clipping


@asked.misconception(
    "the parts are in the other order",
    says="You return clipping first.",
    asks="In which order does the docstring name the two?",
)
def swapped(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Parts:
    rounding, clipping = quantization.clip_and_round_error(x, scale, zero_point, qmin, qmax)
    return clipping, rounding


@asked.also_correct("by way of the clipped values")
def clamped_first(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Parts:
    cut = x.clamp(scale * (qmin - zero_point), scale * (qmax - zero_point))
    rounded = scale * torch.round(cut / scale)
    return ((rounded - cut) ** 2).mean(), ((x - cut) ** 2).mean()


@asked.also_correct("the rest of the whole")
def the_rest(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Parts:
    codes = torch.round(x / scale) + zero_point
    x_hat = (codes.clamp(qmin, qmax) - zero_point) * scale
    whole = torch.nn.functional.mse_loss(x_hat, x)
    high, low = scale * (qmax - zero_point), scale * (qmin - zero_point)
    clipping = ((x - high).relu().square() + (low - x).relu().square()).sum() / x.numel()
    return whole - clipping, clipping
