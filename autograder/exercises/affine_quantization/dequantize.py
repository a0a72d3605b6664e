"""From codes back to values."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _codes(
    shape: tuple[int, ...], bits: int, zero_point: int, name: str, group: str | None = None
) -> CaseSpec:
    qmin, qmax = quantization.code_range(bits)

    def make(rng: Generator) -> dict[str, object]:
        codes = rng.integers(qmin, qmax + 1, size=shape).astype(np.int8)
        codes.flat[:2] = qmin, qmax
        return {"codes": codes, "scale": np.array(rng.uniform(0.05, 0.4)), "zero_point": zero_point}

    return case(name, make, group=group)


asked = Exercise(
    "affine_quantization.dequantize",
    title="And back",
    minutes=5,
    skills=["affine map", "integer overflow"],
    reference=quantization.dequantize,
    outputs=["result"],
    groups={"value": 1, "no overflow": 1},
    cases=[
        _codes((5,), 4, 3, "5 codes of 4 bits"),
        _codes((3, 4), 4, -2, "3×4 codes of 4 bits"),
        _codes((2, 6), 8, -100, "2×6 codes of 8 bits, far from z", group="no overflow"),
    ],
    hints=[
        "How far is the code from the code of 0, in steps? And how wide is a step?",
        "Convert the int8 codes to floating point first: their difference from z may need 9 bits.",
        "values = codes.to(scale.dtype) − zero_point, and then times the scale.",
    ],
    follow_up="After quantizing and dequantizing once, what does a second round change?",
)


@asked.misconception(
    "the difference overflows in int8",
    says="127 − (−100) is 227, which an int8 cannot hold: it has become -29.",
    asks="In which dtype is codes − zero_point computed?",
)
def wraps(codes: Tensor, scale: Tensor, zero_point: int) -> Tensor:
    return scale * (codes - zero_point)


@asked.misconception(
    "the zero point is subtracted last",
    says="You compute s·q − z: z is a code, and is subtracted as if it were a value.",
    asks="What does your function return for the code z?",
)
def subtracted_last(codes: Tensor, scale: Tensor, zero_point: int) -> Tensor:
    return codes.double().to(scale.dtype) * scale - zero_point


@asked.misconception(
    "the zero point is added",
    says="You add z, which is what the way there does.",
    asks="Which value should the code z have?",
)
def added(codes: Tensor, scale: Tensor, zero_point: int) -> Tensor:
    return (codes.to(scale.dtype) + zero_point) * scale


@asked.misconception(
    "the way there is without its zero point",
    says="You return s·q, so that every value is off by s·z.",
    asks="Which value should the code z have, and which does it get?",
)
def forgotten(codes: Tensor, scale: Tensor, zero_point: int) -> Tensor:
    return codes.to(scale.dtype) * scale


@asked.misconception(
    "divided by the scale",
    says="You divide by the width of a step.",
    asks="How long are 5 steps of 0.1?",
)
def divides(codes: Tensor, scale: Tensor, zero_point: int) -> Tensor:
    return (codes.to(scale.dtype) - zero_point) / scale


@asked.also_correct("multiplied out")
def multiplied_out(codes: Tensor, scale: Tensor, zero_point: int) -> Tensor:
    return codes * scale - zero_point * scale


@asked.also_correct("a difference of wider integers")
def wider_integers(codes: Tensor, scale: Tensor, zero_point: int) -> Tensor:
    return torch.mul(codes.to(torch.int32) - zero_point, scale)
