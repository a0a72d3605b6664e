"""Laying codes over a range: scale and zero point."""

from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def affine_qparams(x_min: Tensor, x_max: Tensor, qmin: int, qmax: int, symmetric: bool) -> tuple[Tensor, int]:
    """Scale and zero point as the library gives them; the zero point as a plain integer."""
    scale, zero_point = quantization.affine_qparams(x_min, x_max, qmin, qmax, symmetric)
    return scale, int(zero_point)


def _around_zero(qmin: int, qmax: int, where: tuple[float, float]) -> CaseSpec:
    """A range whose zero lies at a given place between two codes, so that ways to round differ."""

    def make(rng: Generator) -> dict[str, Any]:
        place, step = rng.uniform(*where), rng.uniform(0.05, 2)
        return _inputs(step * (qmin - place), step * (qmax - place), qmin, qmax)

    return case(f"a range around 0 and codes {qmin} … {qmax}", make)


def _inputs(low: float, high: float, qmin: int, qmax: int, symmetric: bool = False) -> dict[str, Any]:
    ends = {"x_min": np.array(low), "x_max": np.array(high)}
    return {**ends, "qmin": qmin, "qmax": qmax, "symmetric": symmetric}


asked = Exercise(
    "affine_quantization.affine_qparams",
    title="Scale and zero point",
    minutes=12,
    skills=["affine map", "zero point"],
    reference=affine_qparams,
    outputs=["scale", "zero_point"],
    groups={"affine": 1, "zero in the range": 1, "symmetric": 1},
    cases=[
        _around_zero(-8, 7, (-3.75, -3.6)),
        _around_zero(0, 255, (100.6, 100.75)),
        _around_zero(-128, 127, (-20.4, -20.25)),
        case(
            "only positive values and codes -8 … 7",
            lambda rng: _inputs(rng.uniform(2, 3), rng.uniform(5, 6), -8, 7),
            group="zero in the range",
        ),
        case(
            "only negative values and codes 0 … 15",
            lambda rng: _inputs(rng.uniform(-6, -5), rng.uniform(-3, -2), 0, 15),
            group="zero in the range",
        ),
        case(
            "symmetric codes -8 … 7, the negative end farther out",
            lambda rng: _inputs(rng.uniform(-4, -3), rng.uniform(1, 2), -8, 7, True),
            group="symmetric",
        ),
        case(
            "symmetric codes -127 … 127, the positive end farther out",
            lambda rng: _inputs(rng.uniform(-2, -1), rng.uniform(3, 4), -127, 127, True),
            group="symmetric",
        ),
    ],
    write_yourself=["course_lib.quantization.qparams:affine_qparams"],
    hints=[
        "qmin … qmax are qmax − qmin steps. First make sure that 0 is in the range; then 0 is so many steps above "
        "its lower end, and qmin is the code of that end.",
        "x_min = min(x_min, 0), x_max = max(x_max, 0); s from the width and the number of steps; z = qmin minus the "
        "lower end in steps, rounded. Symmetric: z = 0, and the largest magnitude gets the code qmax.",
        "Affine: low = x_min.clamp_max(0), high = x_max.clamp_min(0), the scale is (high − low)/(qmax − qmin), and z "
        "is qmin − round(low/scale). Symmetric: max(|x_min|, |x_max|)/qmax and 0.",
    ],
    follow_up="A padding of zeros, or a ReLU: what would go wrong if 0 had no code of its own?",
)


def _grid(low: Tensor, high: Tensor, qmin: int, qmax: int, steps: float | None = None) -> tuple[Tensor, int]:
    scale = (high - low) / (qmax - qmin if steps is None else steps)
    return scale, int(qmin - torch.round(low / scale))


def _widened(x_min: Tensor, x_max: Tensor) -> tuple[Tensor, Tensor]:
    return x_min.clamp_max(0), x_max.clamp_min(0)


def _symmetric(x_min: Tensor, x_max: Tensor, steps: float) -> tuple[Tensor, int]:
    return torch.maximum(x_min.abs(), x_max.abs()) / steps, 0


@asked.misconception(
    "the range does not contain zero",
    says="Where all values have one sign, your zero point lies outside the codes: 0 itself has no code.",
    asks="Which code will a 0 of a padding or a mask get?",
    source="AutoAWQ#185, pytorch#108646, nni#3493",
)
def range_without_zero(
    x_min: Tensor, x_max: Tensor, qmin: int, qmax: int, symmetric: bool
) -> tuple[Tensor, int]:
    if symmetric:
        return _symmetric(x_min, x_max, qmax)
    return _grid(x_min, x_max, qmin, qmax)


@asked.misconception(
    "the zero point is clamped, but the range is not widened",
    says="Your z is a code, but for the scale of the old range: values of one sign are all shifted, and most are cut.",
    asks="If z must be moved into the codes, which range do they cover then?",
    source="FQ-ViT#3",
)
def clamped_without_widening(
    x_min: Tensor, x_max: Tensor, qmin: int, qmax: int, symmetric: bool
) -> tuple[Tensor, int]:
    scale, zero_point = range_without_zero(x_min, x_max, qmin, qmax, symmetric)
    return scale, max(qmin, min(qmax, zero_point))


@asked.misconception(
    "divides by the number of codes",
    says="Your scale is the width over 2ᵇ.",
    asks="How many gaps lie between 16 posts of a fence?",
)
def number_of_codes(
    x_min: Tensor, x_max: Tensor, qmin: int, qmax: int, symmetric: bool
) -> tuple[Tensor, int]:
    if symmetric:
        return _symmetric(x_min, x_max, qmax)
    return _grid(*_widened(x_min, x_max), qmin, qmax, steps=qmax - qmin + 1)


@asked.misconception(
    "the zero point is not an integer",
    says="Your z is right but for the rounding, so 0 lies between two codes.",
    asks="z is the code of 0. Can a code have a fraction?",
)
def zero_point_not_rounded(
    x_min: Tensor, x_max: Tensor, qmin: int, qmax: int, symmetric: bool
) -> tuple[Tensor, Tensor | int]:
    if symmetric:
        return _symmetric(x_min, x_max, qmax)
    low, high = _widened(x_min, x_max)
    scale = (high - low) / (qmax - qmin)
    return scale, qmin - low / scale


@asked.misconception(
    "the zero point is cut off instead of rounded",
    says="You drop the fraction of z (int() does), so it is off by one for about half of all ranges.",
    asks="What does int(-3.7) give, and which integer is nearest to -3.7?",
)
def zero_point_cut(x_min: Tensor, x_max: Tensor, qmin: int, qmax: int, symmetric: bool) -> tuple[Tensor, int]:
    scale, place = zero_point_not_rounded(x_min, x_max, qmin, qmax, symmetric)
    return scale, int(place)


@asked.misconception(
    "the zero point has the wrong sign",
    says="You add the lower end in steps to qmin; it has to be subtracted.",
    asks="The lower end is at or below 0. Is 0 above or below qmin?",
)
def zero_point_sign(
    x_min: Tensor, x_max: Tensor, qmin: int, qmax: int, symmetric: bool
) -> tuple[Tensor, int]:
    if symmetric:
        return _symmetric(x_min, x_max, qmax)
    low, high = _widened(x_min, x_max)
    scale = (high - low) / (qmax - qmin)
    return scale, int(qmin + torch.round(low / scale))


@asked.misconception(
    "qmin is missing from the zero point",
    says="Your z counts the steps from the lower end: right for codes that begin at 0, and only for those.",
    asks="Which code does x_min get by your z, if qmin = -8?",
)
def qmin_missing(x_min: Tensor, x_max: Tensor, qmin: int, qmax: int, symmetric: bool) -> tuple[Tensor, int]:
    if symmetric:
        return _symmetric(x_min, x_max, qmax)
    scale, zero_point = _grid(*_widened(x_min, x_max), qmin, qmax)
    return scale, zero_point - qmin


@asked.misconception(
    "the symmetric scale divides by −qmin",
    says="You divide by 8 where codes end at 7 (128 for int8): the largest positive value gets a code that is missing.",
    asks="Which code does the value max|x| get, and does it exist on the positive side?",
)
def symmetric_by_qmin(
    x_min: Tensor, x_max: Tensor, qmin: int, qmax: int, symmetric: bool
) -> tuple[Tensor, int]:
    if symmetric:
        return _symmetric(x_min, x_max, -qmin)
    return _grid(*_widened(x_min, x_max), qmin, qmax)


@asked.misconception(
    "the symmetric scale divides by half of all steps",
    says="You divide by (qmax − qmin)/2, 7.5 or 127.5, as torch.ao does; the papers and this lesson divide by qmax.",
    asks="By which convention does max|x| get a code of its own?",
    source="torch.ao.quantization.observer.MinMaxObserver with qint8",
)
def symmetric_by_half(
    x_min: Tensor, x_max: Tensor, qmin: int, qmax: int, symmetric: bool
) -> tuple[Tensor, int]:
    if symmetric:
        return _symmetric(x_min, x_max, (qmax - qmin) / 2)
    return _grid(*_widened(x_min, x_max), qmin, qmax)


@asked.misconception(
    "the symmetric scale looks at the maximum only",
    says="You take x_max without comparing it with |x_min|.",
    asks="What becomes of the negative end, if it lies farther out?",
)
def signed_max(x_min: Tensor, x_max: Tensor, qmin: int, qmax: int, symmetric: bool) -> tuple[Tensor, int]:
    if symmetric:
        return x_max / qmax, 0
    return _grid(*_widened(x_min, x_max), qmin, qmax)


@asked.misconception(
    "symmetric is ignored",
    says="You give the affine grid in both cases.",
    asks="What should z be for symmetric=True?",
)
def always_affine(x_min: Tensor, x_max: Tensor, qmin: int, qmax: int, symmetric: bool) -> tuple[Tensor, int]:
    return _grid(*_widened(x_min, x_max), qmin, qmax)


@asked.misconception(
    "127 whatever the codes",
    says="Your symmetric scale is made for int8, even where codes end at 7.",
    asks="Which code should max|x| get, if qmax is 7?",
)
def always_127(x_min: Tensor, x_max: Tensor, qmin: int, qmax: int, symmetric: bool) -> tuple[Tensor, int]:
    if symmetric:
        return _symmetric(x_min, x_max, 127)
    return _grid(*_widened(x_min, x_max), qmin, qmax)


@asked.misconception(
    "the zero point is a value",
    says="You put z at the lower end of the range, in the units of x.",
    asks="How many steps above x_min does 0 lie?",
)
def zero_point_as_value(
    x_min: Tensor, x_max: Tensor, qmin: int, qmax: int, symmetric: bool
) -> tuple[Tensor, int]:
    if symmetric:
        return _symmetric(x_min, x_max, qmax)
    low, high = _widened(x_min, x_max)
    return (high - low) / (qmax - qmin), int(torch.round(qmin - low))


@asked.also_correct("Python's min, max and round, on plain numbers")
def plain_numbers(x_min: Tensor, x_max: Tensor, qmin: int, qmax: int, symmetric: bool) -> tuple[float, int]:
    low, high = float(x_min), float(x_max)
    if symmetric:
        return max(-low, high) / qmax, 0
    low, high = min(low, 0.0), max(high, 0.0)
    return (high - low) / (qmax - qmin), round(qmin - low * (qmax - qmin) / (high - low))


@asked.also_correct("the zero point from the upper end, as a tensor")
def from_above(x_min: Tensor, x_max: Tensor, qmin: int, qmax: int, symmetric: bool) -> tuple[Tensor, Tensor]:
    if symmetric:
        return torch.stack([x_min, x_max]).abs().max() / qmax, torch.tensor(0)
    zero = torch.zeros_like(x_min)
    top = torch.maximum(x_max, zero)
    step = (top - torch.minimum(x_min, zero)) / (qmax - qmin)
    return step, torch.round(qmax - top / step).long()
