"""Weights on few bits, a scale for each group of neighbours in a row."""

from typing import Any

import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization

Two = tuple[Tensor, Tensor]


def quantize_weight_only(weight: Tensor, bits: int, group_size: int) -> Two:
    """Codes and scales by the library: symmetric, without the lowest code."""
    codes = quantization.code_range(bits, narrow=True)
    found = quantization.quantize_per_group(weight, group_size, *codes, symmetric=True)
    return found.codes, found.scale


def _weight(outputs: int, inputs: int, bits: int, group_size: int) -> CaseSpec:
    def make(rng: Generator) -> dict[str, Any]:
        sizes = rng.uniform(0.2, 3, size=(outputs, inputs))
        return {
            "weight": -0.1 + sizes * rng.normal(size=(outputs, inputs)),
            "bits": bits,
            "group_size": group_size,
        }

    return case(f"{outputs}×{inputs} weights on {bits} bits in groups of {group_size}", make)


asked = Exercise(
    "post_training.quantize_weight_only",
    title="A scale for each group",
    minutes=8,
    skills=["granularity", "weight-only quantization"],
    reference=quantize_weight_only,
    outputs=["codes", "scale"],
    groups={"value": 3},
    cases=[
        _weight(2, 6, 4, 3),
        _weight(4, 4, 8, 2),
        _weight(3, 8, 4, 4),
    ],
    write_yourself=["course_lib.quantization.granularity:quantize_per_group"],
    hints=[
        "A group is a run of neighbours in one row. Give the weight a third axis, along which a group lies.",
        "[outputs, inputs] → [outputs, groups, group_size]; the largest magnitude over the last axis, divided by the "
        "largest code, is the scale. Divide, round, and go back to two axes.",
        "groups = weight.reshape(outputs, -1, group_size); scale = groups.abs().amax(dim=2) over 2^(bits − 1) − 1; the "
        "codes are groups over scale[:, :, None], rounded, and reshaped like weight.",
    ],
    follow_up="Why do groups run along the inputs, although scales of single inputs cannot leave an integer product?",
)


def _by_groups(groups: Tensor, bits: int, qmax: int, dim: int = 2) -> Two:
    scale = groups.abs().amax(dim=dim, keepdim=True) / qmax
    codes = (groups / scale).round().clamp(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1).to(torch.int8)
    return codes, scale.squeeze(dim)


def _top(bits: int) -> int:
    return 2 ** (bits - 1) - 1


def _split(weight: Tensor, group_size: int) -> Tensor:
    return weight.reshape(len(weight), -1, group_size)


@asked.misconception(
    "groups run down the columns",
    says="Your groups are runs of outputs: weights that end up in different sums share a scale.",
    asks="A weight is [outputs, inputs]. Along which axis are neighbours multiplied by neighbouring inputs?",
)
def down_the_columns(weight: Tensor, bits: int, group_size: int) -> Two:
    # Where the rows do not divide, what is left over makes a smaller group.
    padded = torch.nn.functional.pad(weight.T, (0, -len(weight) % group_size))
    codes, scale = _by_groups(_split(padded, group_size), bits, _top(bits))
    return codes.reshape(padded.shape)[:, : len(weight)].T, scale.T


@asked.misconception(
    "every so-manyth weight instead of neighbours",
    says="Your groups are interleaved: a group holds weights that are apart by the number of groups.",
    asks="After a reshape to [outputs, a, b], which axis changes fastest?",
)
def interleaved(weight: Tensor, bits: int, group_size: int) -> Two:
    groups = weight.reshape(len(weight), group_size, -1)
    codes, scale = _by_groups(groups, bits, _top(bits), dim=1)
    return codes.reshape(weight.shape), scale


@asked.misconception(
    "one scale for each row",
    says="Your scale is that of the whole row, repeated for every group.",
    asks="Over how many weights does your maximum run?",
)
def whole_rows(weight: Tensor, bits: int, group_size: int) -> Two:
    codes, scale = _by_groups(weight.unsqueeze(1), bits, _top(bits))
    return codes.reshape(weight.shape), scale.expand(-1, weight.shape[1] // group_size)


@asked.misconception(
    "groups across all rows",
    says="One scale for a group of columns, the same in every row.",
    asks="Should a loud row set the scale of the others?",
)
def across_rows(weight: Tensor, bits: int, group_size: int) -> Two:
    groups = _split(weight, group_size)
    scale = groups.abs().amax(dim=(0, 2)) / _top(bits)
    codes = (groups / scale[:, None]).round().to(torch.int8)
    return codes.reshape(weight.shape), scale.expand(len(weight), -1)


@asked.misconception(
    "the maximum without the sign's other side",
    says="You take the largest value, not the largest magnitude: large negative weights are cut off.",
    asks="What becomes of a weight of -3 in a group whose largest is 1?",
)
def signed_max(weight: Tensor, bits: int, group_size: int) -> Two:
    groups = _split(weight, group_size)
    scale = groups.amax(dim=2, keepdim=True) / _top(bits)
    codes = (groups / scale).round().clamp(-_top(bits), _top(bits)).to(torch.int8)
    return codes.reshape(weight.shape), scale.squeeze(2)


@asked.misconception(
    "divided by the wrong code",
    says="You divide by 2^(bits − 1), 8 or 128, which is no code on the positive side.",
    asks="Which code does the largest positive weight of a group get?",
)
def lowest_code(weight: Tensor, bits: int, group_size: int) -> Two:
    codes, scale = _by_groups(_split(weight, group_size), bits, 2 ** (bits - 1))
    return codes.reshape(weight.shape), scale


@asked.misconception(
    "one bit too many",
    says="You divide by 2^bits − 1: the codes of your weights need a bit more than there is, and are cut off.",
    asks="How many codes are left for the positive side, if half of them are negative?",
)
def one_bit_more(weight: Tensor, bits: int, group_size: int) -> Two:
    groups = _split(weight, group_size)
    scale = groups.abs().amax(dim=2, keepdim=True) / (2**bits - 1)
    codes = (groups / scale).round().clamp(-_top(bits), _top(bits)).to(torch.int8)
    return codes.reshape(weight.shape), scale.squeeze(2)


@asked.misconception(
    "the fraction is cut off",
    says="Your scales are right, but converting to int8 drops the fraction of every code.",
    asks="What does .to(torch.int8) make of 2.9?",
)
def truncated(weight: Tensor, bits: int, group_size: int) -> Two:
    groups = _split(weight, group_size)
    scale = groups.abs().amax(dim=2, keepdim=True) / _top(bits)
    return (groups / scale).to(torch.int8).reshape(weight.shape), scale.squeeze(2)


@asked.misconception(
    "the scales are repeated in the wrong order",
    says="Your scales are right, but weight and scale do not line up: repeat gives s₁ s₂ s₁ s₂, not s₁ s₁ s₂ s₂.",
    asks="Which scale belongs to the second weight of a row?",
)
def tiled_scales(weight: Tensor, bits: int, group_size: int) -> Two:
    scale = _split(weight, group_size).abs().amax(dim=2) / _top(bits)
    codes = (weight / scale.repeat(1, group_size)).round().clamp(-_top(bits), _top(bits))
    return codes.to(torch.int8), scale


@asked.also_correct("each group by itself")
def group_by_group(weight: Tensor, bits: int, group_size: int) -> Two:
    codes = torch.empty_like(weight, dtype=torch.int8)
    scale = torch.empty(len(weight), weight.shape[1] // group_size, dtype=weight.dtype)
    for row, values in enumerate(weight):
        for number, run in enumerate(values.split(group_size)):
            step = float(run.abs().max()) / (2 ** (bits - 1) - 1)
            scale[row, number] = step
            codes[row, number * group_size : (number + 1) * group_size] = torch.round(run / step).to(
                torch.int8
            )
    return codes, scale


@asked.also_correct("groups as rows")
def as_rows(weight: Tensor, bits: int, group_size: int) -> Two:
    rows = weight.reshape(-1, group_size)
    qmax = 2 ** (bits - 1) - 1
    codes, scale, _ = quantization.quantize_per_channel(rows, -qmax, qmax, 0, symmetric=True)
    return codes.reshape(weight.shape), scale.reshape(len(weight), -1)


@asked.also_correct("scales spread over the row")
def spread(weight: Tensor, bits: int, group_size: int) -> Two:
    largest = weight.unflatten(1, (-1, group_size)).abs().max(dim=2).values
    scale = largest / (2 ** (bits - 1) - 1)
    return torch.round(weight / scale.repeat_interleave(group_size, dim=1)).char(), scale
