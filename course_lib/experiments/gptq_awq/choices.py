"""What the options of GPTQ buy: the order of the columns, and what a group's scale is taken from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from course_lib import quantization
from course_lib.experiments.gptq_awq.layer import layer, nearest, output_error


class ActOrder(NamedTuple):
    """Output error with act-order over that without, [bits][matrix], on other text."""

    bits: tuple[int, ...]
    few: tuple[tuple[float, ...], ...]
    many: tuple[tuple[float, ...], ...]


def act_order(bits: Sequence[int] = (4, 3, 2)) -> ActOrder:
    """Take the columns by falling size of their inputs; ``few`` is 1,024 tokens, ``many`` 8,192."""
    real = layer()

    def gains(x: torch.Tensor, b: int) -> tuple[float, ...]:
        found = []
        for weight in real.weights.values():
            without, ordered = (
                quantization.gptq_quantize(weight, x, b, act_order=order).weight for order in (False, True)
            )
            found.append(
                output_error(weight, ordered, real.held_out) / output_error(weight, without, real.held_out)
            )
        return tuple(found)

    few = tuple(gains(real.calibration, b) for b in bits)
    return ActOrder(tuple(bits), few, tuple(gains(real.factors["prose"], b) for b in bits))


class GroupScales(NamedTuple):
    """Output error over that of rounding to nearest with the same groups: mean over matrices, by source."""

    bits: tuple[int, ...]
    block: tuple[float, ...]
    updated: tuple[float, ...]
    original: tuple[float, ...]
    original_ordered: tuple[float, ...]


def group_scales(bits: Sequence[int] = (4, 3, 2), group_size: int = 32) -> GroupScales:
    """Take a group's scale from what the block began with, from updated, or from given weights.

    8,192 tokens calibrate. ``original_ordered`` takes the columns by falling size of their inputs as well.
    """
    real = layer()
    kinds = (("block", False), ("updated", False), ("original", False), ("original", True))
    rows = []
    for b in bits:
        errors = []
        for weight in real.weights.values():
            base = output_error(weight, nearest(weight, b, group_size), real.held_out)
            found = [
                quantization.gptq_quantize(
                    *(weight, real.factors["prose"], b),
                    group_size=group_size,
                    group_scales=kind,
                    act_order=ordered,
                ).weight
                for kind, ordered in kinds
            ]
            errors.append([output_error(weight, one, real.held_out) / base for one in found])
        rows.append(torch.tensor(errors).mean(dim=0).tolist())
    return GroupScales(tuple(bits), *(tuple(column) for column in zip(*rows, strict=True)))
