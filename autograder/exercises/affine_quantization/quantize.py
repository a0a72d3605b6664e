"""From values to codes."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _values(
    shape: tuple[int, ...], spread: float, zero_point: int, bits: int, name: str, group: str | None = None
) -> CaseSpec:
    qmin, qmax = quantization.code_range(bits)

    def make(rng: Generator) -> dict[str, object]:
        scale = rng.uniform(0.05, 0.4)
        # At most 0.45 steps off a code: however halves are rounded, the code is the same.
        steps = np.round(spread * rng.normal(size=shape)) + rng.uniform(-0.45, 0.45, size=shape)
        return {
            "x": scale * steps,
            "scale": scale,
            "zero_point": zero_point,
            "qmin": qmin,
            "qmax": qmax,
        }

    return case(name, make, group=group)


def _outside(rng: Generator) -> dict[str, object]:
    scale, steps = rng.uniform(1, 3), np.array([[200.0, -190.0, 3.0], [-300.0, 130.0, 150.0]])
    x = scale * (steps + rng.uniform(-0.4, 0.4, size=steps.shape))
    return {"x": x, "scale": scale, "zero_point": 5, "qmin": -128, "qmax": 127}


asked = Exercise(
    "affine_quantization.quantize",
    title="From values to codes",
    minutes=8,
    skills=["affine map", "rounding", "clipping"],
    reference=quantization.quantize,
    outputs=["code tensor"],
    groups={"rounding": 1, "clipping": 1},
    cases=[
        _values((6,), 2, -1, 4, "6 values, 4 bits"),
        _values((4, 5), 25, 17, 8, "4×5 values, 8 bits"),
        _values((3, 4), 9, -3, 4, "3×4 values, some outside of 4 bits", group="clipping"),
        case("2×3 values far outside of 8 bits", _outside, group="clipping"),
    ],
    hints=[
        "Divide by the width of a step, go to the nearest integer, move by z, and stay inside the codes. The dtype "
        "comes last.",
        "x/scale → torch.round → + zero_point → clamp(qmin, qmax), all in floating point; then convert.",
        "steps = torch.round(x / scale); then add zero_point, clamp, and end with .to(torch.int8).",
    ],
    follow_up="torch.round(0.5) is 0 and torch.round(1.5) is 2. Why may that be better than rounding halves up?",
)


def _steps(x: Tensor, scale: float, zero_point: int) -> Tensor:
    return torch.round(x / scale) + zero_point


@asked.misconception(
    "cut off instead of rounded",
    says="Converting to an integer drops the fraction: your codes move towards 0 by half a step on average.",
    asks="What does .to(torch.int8) make of 2.9?",
)
def truncates(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return (x / scale + zero_point).clamp(qmin, qmax).to(torch.int8)


@asked.misconception(
    "cut off before the zero point is added",
    says="You drop the fraction of x/s, which moves every value towards 0.",
    asks="Which integer is nearest to 2.9, and which one does trunc give?",
)
def truncates_first(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return (torch.trunc(x / scale) + zero_point).clamp(qmin, qmax).to(torch.int8)


@asked.misconception(
    "rounded down instead of to the nearest",
    says="Your codes are those of floor: all values are moved down, by half a step on average.",
    asks="What is the average of x − floor(x), and what that of x − round(x)?",
)
def floors(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return (torch.floor(x / scale) + zero_point).clamp(qmin, qmax).to(torch.int8)


@asked.misconception(
    "clipped after the conversion to int8",
    says="In int8, 200 has already become -56, and then there is nothing left to clip.",
    asks="Which values can an int8 hold, and what happens to the others?",
)
def clamp_after_cast(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return _steps(x, scale, zero_point).to(torch.int8).clamp(qmin, qmax)


@asked.misconception(
    "not clipped",
    says="Values outside the range get codes that 4 bits do not have, and in 8 bits they wrap round.",
    asks="What limits the codes, if not the dtype?",
)
def no_clamp(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return _steps(x, scale, zero_point).to(torch.int8)


@asked.misconception(
    "clipped before the zero point is added",
    says="Your codes are cut at qmin and qmax and then moved by z, out of the range on one side.",
    asks="Is it x/s or the code that has to lie between qmin and qmax?",
)
def clamp_too_early(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return (torch.round(x / scale).clamp(qmin, qmax) + zero_point).to(torch.int8)


@asked.misconception(
    "multiplied by the scale",
    says="You multiply x by the width of a step.",
    asks="How many steps of 0.1 are there in 0.5?",
)
def multiplies(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return (torch.round(x * scale) + zero_point).clamp(qmin, qmax).to(torch.int8)


@asked.misconception(
    "the zero point is missing",
    says="Your codes are those of z = 0.",
    asks="Which code should x = 0 get?",
)
def zero_point_missing(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return torch.round(x / scale).clamp(qmin, qmax).to(torch.int8)


@asked.misconception(
    "the zero point is subtracted",
    says="You subtract z, which is what the way back does.",
    asks="Which code should x = 0 get, and which one does it get?",
)
def zero_point_subtracted(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return _steps(x, scale, -zero_point).clamp(qmin, qmax).to(torch.int8)


@asked.misconception(
    "the zero point is added to the value",
    says="You add z to x before dividing, so that it counts 1/s times too much.",
    asks="Is z a value or a code?",
)
def zero_point_in_values(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return torch.round((x + zero_point) / scale).clamp(qmin, qmax).to(torch.int8)


@asked.misconception(
    "the lowest code is never used",
    says="You clip at −qmax … qmax. That is a convention of its own, but qmin is given, and you cut above it.",
    asks="Which is the smallest code that the caller allows?",
)
def narrow(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return _steps(x, scale, zero_point).clamp(-qmax, qmax).to(torch.int8)


@asked.misconception(
    "rounded up instead of to the nearest",
    says="Your codes are those of ceil: all values are moved up, by half a step on average.",
    asks="Which integer is nearest to 2.1?",
)
def ceils(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return (torch.ceil(x / scale) + zero_point).clamp(qmin, qmax).to(torch.int8)


@asked.misconception(
    "the values are clipped instead of the codes",
    says="You limit x to qmin … qmax, as if the limits were values.",
    asks="Which value does the code qmax stand for?",
)
def clips_values(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return (torch.round(x.clamp(qmin, qmax) / scale) + zero_point).to(torch.int8)


@asked.misconception(
    "rounded before dividing",
    says="You round x itself to whole numbers, whatever the width of a step.",
    asks="Is it the value or the number of steps that has to be an integer?",
)
def rounds_too_early(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return (torch.round(x) / scale + zero_point).clamp(qmin, qmax).to(torch.int8)


@asked.also_correct("rounded with the zero point already in")
def together(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    return torch.clamp(torch.round(x / scale + zero_point), min=qmin, max=qmax).type(torch.int8)


@asked.also_correct("halves rounded up, and minimum and maximum")
def halves_up(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    codes = torch.floor(x / scale + 0.5).long() + zero_point
    return torch.minimum(torch.maximum(codes, torch.tensor(qmin)), torch.tensor(qmax)).to(torch.int8)


@asked.also_correct("halves rounded away from zero")
def halves_away(x: Tensor, scale: float, zero_point: int, qmin: int, qmax: int) -> Tensor:
    steps = x.sign() * (x.abs() / scale + 0.5).floor()
    return (steps + zero_point).clamp(qmin, qmax).char()
