"""Spot the bugs: weights on a few bits, one scale for each output."""

import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization
from course_lib.experiments.affine_quantization import rows_with_three_bugs


def quantize_rows(weight: Tensor, bits: int) -> Tensor:
    """What the weights are after symmetric quantization, with a scale for each output channel."""
    qmin, qmax = quantization.code_range(bits, narrow=True)
    codes, scale, zero_point = quantization.quantize_per_channel(weight, qmin, qmax, 0, symmetric=True)
    return quantization.dequantize(codes, scale, zero_point, axis=0)


def _variant(
    weight: Tensor, bits: int, *, top: bool = True, rows: bool = True, rounded: bool = True
) -> Tensor:
    """The function with some of its bugs mended."""
    qmax = 2 ** (bits - 1) - 1 if top else 2**bits - 1
    scale = weight.abs().amax(dim=1 if rows else 0, keepdim=True) / qmax
    steps = weight / scale
    return (torch.round(steps) if rounded else steps.to(torch.int8)) * scale


def _weight(outputs: int, inputs: int, bits: int) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        sizes = rng.uniform(0.2, 3, size=(outputs, 1))
        return {"weight": sizes * rng.normal(size=(outputs, inputs)), "bits": bits}

    return case(f"{outputs}×{inputs} weights on {bits} bits", make)


asked = Exercise(
    "affine_quantization.quantize_rows",
    title="Spot the bugs",
    minutes=8,
    skills=["code review", "granularity", "rounding"],
    reference=quantize_rows,
    outputs=["result"],
    groups={"value": 3},
    cases=[_weight(3, 5, 4), _weight(4, 4, 3), _weight(5, 3, 6)],
    stretch=True,
    hints=[
        "There are three. For each line: which codes, whose scale, and what is done with the fraction?",
        "One is in the largest code of b bits with a sign, one in the axis of the maximum, one in the conversion.",
        "qmax is 2**(bits - 1) - 1; the maximum runs along each row (dim=1); and torch.round comes before "
        ".to(torch.int8).",
    ],
    follow_up="Which of the three would a shape check have found, and which none of your tests on the error?",
)


@asked.misconception(
    "the codes still take one bit too many",
    says="Two of the bugs are gone; your grid still has 2ᵇ − 1 steps on each side of 0.",
    asks="Which codes do 4 bits hold, if half of them are negative?",
)
def bits_left(weight: Tensor, bits: int) -> Tensor:
    return _variant(weight, bits, top=False)


@asked.misconception(
    "the scales still belong to the inputs",
    says="Two of the bugs are gone; the maximum still runs down the columns.",
    asks="A weight is [out, in]. Which axis does amax(dim=0) leave?",
)
def axis_left(weight: Tensor, bits: int) -> Tensor:
    return _variant(weight, bits, rows=False)


@asked.misconception(
    "the fraction is still cut off",
    says="Two of the bugs are gone; the conversion to int8 still drops the fraction.",
    asks="What does .to(torch.int8) make of 2.9?",
)
def rounding_left(weight: Tensor, bits: int) -> Tensor:
    return _variant(weight, bits, rounded=False)


@asked.misconception(
    "only the number of codes is mended",
    says="One bug is gone; the axis and the conversion are as printed.",
    asks="Whose maximum is it, and what happens to the fraction?",
)
def only_top(weight: Tensor, bits: int) -> Tensor:
    return _variant(weight, bits, rows=False, rounded=False)


@asked.misconception(
    "only the axis is mended",
    says="One bug is gone; the number of codes and the conversion are as printed.",
    asks="How many bits do your codes take, and what happens to the fraction?",
)
def only_rows(weight: Tensor, bits: int) -> Tensor:
    return _variant(weight, bits, top=False, rounded=False)


@asked.misconception(
    "only the rounding is mended",
    says="One bug is gone; the number of codes and the axis are as printed.",
    asks="How many bits do your codes take, and whose maximum is it?",
)
def only_rounded(weight: Tensor, bits: int) -> Tensor:
    return _variant(weight, bits, top=False, rows=False)


@asked.misconception(
    "all three bugs are still there",
    says="Your function gives the same numbers as the one printed above.",
    asks="How many of its lines have you changed?",
)
def as_printed(weight: Tensor, bits: int) -> Tensor:
    return rows_with_three_bugs(weight, bits)


@asked.also_correct("as printed, mended")
def mended(weight: Tensor, bits: int) -> Tensor:
    qmax = 2 ** (bits - 1) - 1
    scale = weight.abs().amax(dim=1, keepdim=True) / qmax
    codes = torch.round(weight / scale).to(torch.int8)
    return codes * scale


@asked.also_correct("row by row, clipped for safety")
def row_by_row(weight: Tensor, bits: int) -> Tensor:
    top = 2 ** (bits - 1) - 1
    rows = []
    for row in weight:
        step = row.abs().max() / top
        rows.append((row / step).round().clamp(-top - 1, top) * step)
    return torch.stack(rows)
