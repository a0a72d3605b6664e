"""How much calibration data, and of what kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import quantization
from course_lib.experiments.gptq_awq.layer import awq, layer, nearest, output_error


class CalibrationTokens(NamedTuple):
    """Output errors on other text over those of rounding to nearest; spreads over choices of the tokens."""

    tokens: tuple[int, ...]
    gptq: tuple[float, ...]
    gptq_spread: tuple[float, ...]
    gptq_damped: tuple[float, ...]
    gptq_damped_spread: tuple[float, ...]
    awq: tuple[float, ...]
    awq_spread: tuple[float, ...]
    gptq_8192: float
    gptq_damped_8192: float
    gptq_own: tuple[float, ...]


def calibration_tokens(
    tokens: Sequence[int] = (64, 128, 256, 512, 1024),
    bits: int = 3,
    damping: float = 0.1,
    choices: int = 4,
) -> CalibrationTokens:
    """Calibrate on ever more tokens; means over the three matrices.

    ``choices`` different stretches of the 1,024 tokens are taken where there are as many, and the spread is
    the standard deviation over them (0 where there is only one). ``gptq_damped`` has the given damping,
    ``gptq`` the usual 0.01.
    """
    real = layer()
    plain = {name: nearest(weight, bits) for name, weight in real.weights.items()}

    def found(x: Tensor, how: float | None) -> dict[str, Tensor]:
        if how is None:
            return {name: awq(w, x, bits) for name, w in real.weights.items()}
        return {
            name: quantization.gptq_quantize(w, x, bits, damping=how).weight
            for name, w in real.weights.items()
        }

    def ratio(weights: dict[str, Tensor], judge: Tensor) -> float:
        ratios = [
            output_error(real.weights[n], w, judge) / output_error(real.weights[n], plain[n], judge)
            for n, w in weights.items()
        ]
        return sum(ratios) / len(ratios)

    columns: list[list[tuple[float, float]]] = [[], [], [], []]
    for count in tokens:
        stretches = real.calibration.split(count)[:choices]
        for place, how in enumerate((0.01, damping, None)):
            weights = [found(x, how) for x in stretches]
            columns[place].append(_mean_and_spread([ratio(one, real.held_out) for one in weights]))
            if place == 0:
                own = [ratio(one, x) for one, x in zip(weights, stretches, strict=True)]
                columns[3].append(_mean_and_spread(own))
    usual, damped, with_awq, own_tokens = (
        (tuple(mean for mean, _ in column), tuple(spread for _, spread in column)) for column in columns
    )
    many = [ratio(found(real.factors["prose"], how), real.held_out) for how in (0.01, damping)]
    return CalibrationTokens(tuple(tokens), *usual, *damped, *with_awq, many[0], many[1], own_tokens[0])


def _mean_and_spread(ratios: list[float]) -> tuple[float, float]:
    both = torch.tensor(ratios, dtype=torch.float64)
    return float(both.mean()), float(both.std()) if len(ratios) > 1 else 0.0


class CalibrationText(NamedTuple):
    """GPTQ's output error on prose over that of rounding to nearest, by matrix."""

    matrices: tuple[str, ...]
    prose: tuple[float, ...]
    random: tuple[float, ...]
    random_damped: tuple[float, ...]


def calibration_text(bits: int = 3, damping: float = 0.1) -> CalibrationText:
    """Calibrate on 8,192 tokens of prose, or on as many random word pieces; other prose judges."""
    real = layer()
    rows = []
    for weight in real.weights.values():
        base = output_error(weight, nearest(weight, bits), real.held_out)
        found = [
            quantization.gptq_quantize(weight, real.factors[text], bits, damping=how).weight
            for text, how in (("prose", 0.01), ("random", 0.01), ("random", damping))
        ]
        rows.append([output_error(weight, one, real.held_out) / base for one in found])
    return CalibrationText(tuple(real.weights), *(tuple(column) for column in zip(*rows, strict=True)))
