"""Rounding to nearest, AWQ and GPTQ: the error of the weights beside that of the output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import quantization
from course_lib.experiments.gptq_awq.layer import NAMES, awq, layer, nearest, output_error, weight_error
from course_lib.experiments.random import random_rows


class TwoErrors(NamedTuple):
    """Relative squared errors of one matrix, nearest first, then AWQ, then GPTQ."""

    methods: tuple[str, ...]
    weight: tuple[float, ...]
    output: tuple[float, ...]
    weight_ratio: float
    output_ratio: float


def two_errors(matrix: str = "query", bits: int = 3) -> TwoErrors:
    """Quantize one real matrix three ways; GPTQ knows 8,192 tokens, AWQ 1,024, and other text judges.

    The ratios are GPTQ's errors over those of rounding to nearest.
    """
    real = layer()
    weight = real.weights[matrix]
    found = {
        "nearest": nearest(weight, bits),
        "AWQ": awq(weight, real.calibration, bits),
        "GPTQ": quantization.gptq_quantize(weight, real.factors["prose"], bits).weight,
    }
    weights = tuple(weight_error(weight, one) for one in found.values())
    outputs = tuple(output_error(weight, one, real.held_out) for one in found.values())
    return TwoErrors(tuple(found), weights, outputs, weights[2] / weights[0], outputs[2] / outputs[0])


class Synthetic(NamedTuple):
    """GPTQ's errors over those of rounding to nearest: mean and standard deviation over seeds."""

    correlated_weight: tuple[float, float]
    correlated_output: tuple[float, float]
    independent_weight: tuple[float, float]
    independent_output: tuple[float, float]


def synthetic(bits: int = 3, width: int = 64, tokens: int = 1024, seeds: int = 20) -> Synthetic:
    """Quantize Gaussian weights for correlated and for independent inputs; other tokens judge."""
    ratios: dict[str, list[tuple[float, float]]] = {"correlated": [], "independent": []}
    for seed in range(seeds):
        weight = random_rows(width, width, 3 * seed)
        x = random_rows(2 * tokens, width, 3 * seed + 1)
        mixing = random_rows(width, width, 3 * seed + 2) / width**0.5 + torch.eye(width, dtype=torch.float64)
        for kind, inputs in (("correlated", x @ mixing), ("independent", x)):
            found = quantization.gptq_quantize(weight, inputs[:tokens], bits).weight
            plain = nearest(weight, bits)
            judge = inputs[tokens:]
            ratios[kind].append(
                (
                    weight_error(weight, found) / weight_error(weight, plain),
                    output_error(weight, found, judge) / output_error(weight, plain, judge),
                )
            )
    pairs = [
        (float(column.mean()), float(column.std()))
        for kind in ("correlated", "independent")
        for column in torch.tensor(ratios[kind], dtype=torch.float64).T
    ]
    return Synthetic(*pairs)


class Comparison(NamedTuple):
    """Output errors on other text, [bits][matrix]; all but ``nearest`` relative to it."""

    bits: tuple[int, ...]
    matrices: tuple[str, ...]
    nearest: tuple[tuple[float, ...], ...]
    awq: tuple[tuple[float, ...], ...]
    gptq_few: tuple[tuple[float, ...], ...]
    gptq_many: tuple[tuple[float, ...], ...]
    weight_awq: tuple[tuple[float, ...], ...]
    weight_gptq: tuple[tuple[float, ...], ...]


def comparison(bits: Sequence[int] = (4, 3, 2)) -> Comparison:
    """Quantize three real matrices: AWQ and ``gptq_few`` know 1,024 tokens, ``gptq_many`` knows 8,192."""
    real = layer()
    rows: list[list[tuple[float, ...]]] = []
    for b in bits:
        per_matrix = []
        for name in NAMES:
            weight = real.weights[name]
            plain = nearest(weight, b)
            with_awq = awq(weight, real.calibration, b)
            few = quantization.gptq_quantize(weight, real.calibration, b).weight
            many = quantization.gptq_quantize(weight, real.factors["prose"], b).weight
            base = output_error(weight, plain, real.held_out)
            off = [output_error(weight, one, real.held_out) / base for one in (with_awq, few, many)]
            moved = [weight_error(weight, one) / weight_error(weight, plain) for one in (with_awq, many)]
            per_matrix.append((base, *off, *moved))
        rows.append(list(zip(*per_matrix, strict=True)))
    fields = [tuple(row[k] for row in rows) for k in range(6)]
    return Comparison(tuple(bits), NAMES, *fields)


class Groups(NamedTuple):
    """Output errors on other text with a grid for each group, relative to nearest with one for each row."""

    sizes: tuple[int, ...]
    nearest: tuple[float, ...]
    awq: tuple[float, ...]
    gptq: tuple[float, ...]


def groups(bits: int = 3, sizes: Sequence[int] = (384, 128, 64, 32)) -> Groups:
    """Give ever fewer columns a grid of their own; means over the matrices, calibrated as in `two_errors`."""
    real = layer()
    rows = []
    for size in sizes:
        errors = []
        for weight in real.weights.values():
            base = output_error(weight, nearest(weight, bits), real.held_out)
            found = (
                nearest(weight, bits, size),
                awq(weight, real.calibration, bits, size),
                quantization.gptq_quantize(weight, real.factors["prose"], bits, group_size=size).weight,
            )
            errors.append([output_error(weight, one, real.held_out) / base for one in found])
        rows.append(torch.tensor(errors).mean(dim=0).tolist())
    return Groups(tuple(sizes), *(tuple(column) for column in zip(*rows, strict=True)))


class AlphaCurve(NamedTuple):
    """Output error of every α, relative to α = 0, by matrix."""

    alphas: tuple[float, ...]
    query: tuple[float, ...]
    value: tuple[float, ...]
    best: tuple[float, float]
    loudest: float


def alpha_curve(bits: int = 3) -> AlphaCurve:
    """Try all of AWQ's powers on two matrices that share one input.

    ``best`` are the α of least error; ``loudest`` is the largest mean magnitude of an input over the median.
    """
    real = layer()
    found = [
        quantization.awq_search_scale(real.weights[name], real.calibration, bits)
        for name in ("query", "value")
    ]
    query, value = (tuple((one.errors / one.errors[0]).tolist()) for one in found)
    size = real.calibration.abs().mean(dim=0)
    return AlphaCurve(
        tuple(k / 20 for k in range(20)),
        query,
        value,
        (found[0].alpha, found[1].alpha),
        float(size.max() / size.median()),
    )


def related_columns(matrix: str = "query", row: int = 1, count: int = 12) -> tuple[Tensor, Tensor]:
    """One row's weights at the inputs that go most closely with the first, and these inputs: to be drawn."""
    real = layer()
    x = real.calibration.double()
    gram = x.T @ x
    cosines = gram[0] / (gram.diagonal() * gram[0, 0]).sqrt()
    chosen = cosines.abs().argsort(descending=True)[:count].sort().values
    return real.weights[matrix][row, chosen].double(), x[:, chosen]
