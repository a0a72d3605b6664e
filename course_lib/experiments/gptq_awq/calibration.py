"""How much calibration data, and of what kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

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
    base = {name: output_error(w, nearest(w, bits), real.held_out) for name, w in real.weights.items()}

    def mean_ratio(found: dict[str, torch.Tensor]) -> float:
        ratios = [output_error(real.weights[n], w, real.held_out) / base[n] for n, w in found.items()]
        return sum(ratios) / len(ratios)

    def measured(x: torch.Tensor, how: float | None) -> float:
        return mean_ratio(
            {
                name: awq(w, x, bits)
                if how is None
                else quantization.gptq_quantize(w, x, bits, damping=how).weight
                for name, w in real.weights.items()
            }
        )

    columns: list[list[tuple[float, float]]] = [[], [], []]
    for count in tokens:
        stretches = real.calibration.split(count)[:choices]
        for column, how in zip(columns, (0.01, damping, None), strict=True):
            ratios = torch.tensor([measured(x, how) for x in stretches])
            spread = float(ratios.std()) if len(ratios) > 1 else 0.0
            column.append((float(ratios.mean()), spread))
    plain, damped, with_awq = (
        (tuple(mean for mean, _ in column), tuple(spread for _, spread in column)) for column in columns
    )
    many = real.factors["prose"]
    return CalibrationTokens(
        tuple(tokens), *plain, *damped, *with_awq, measured(many, 0.01), measured(many, damping)
    )


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
