"""Where SmoothQuant's premise holds, and where not: outliers that we make ourselves, twenty seeds of each."""

from __future__ import annotations

import statistics
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import quantization
from course_lib.experiments.random import random_rows

QMAX = 127


class Premise(NamedTuple):
    """Output error with smoothing over that without, by α: the mean over seeds, the least and the largest."""

    alphas: tuple[float, ...]
    mean: tuple[float, ...]
    least: tuple[float, ...]
    largest: tuple[float, ...]
    unsmoothed: float


def premise(
    outlier: str = "channel",
    size: float = 50.0,
    alphas: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0),
    seeds: int = 20,
    tokens: int = 256,
    channels: int = 128,
    per_token: bool = False,
) -> Premise:
    """Smooth a Gaussian layer with an outlier: "channel", "token" or "none".

    The errors are root mean squares over ordinary tokens; weights have a scale for each output.
    """
    ratios, unsmoothed = [], []
    for seed in range(seeds):
        x, weight = random_rows(tokens, channels, 2 * seed), random_rows(channels, channels, 2 * seed + 1)
        if outlier == "channel":
            x[:, 3] *= size
        if outlier == "token":
            x[0, 3] *= 100 * size
        one = torch.ones(channels, dtype=x.dtype)
        plain = _error(x, weight, one, per_token)
        most = x.abs().amax(dim=0)
        smoothed = [
            _error(x, weight, quantization.smooth_scales(most, weight, alpha), per_token) for alpha in alphas
        ]
        ratios.append([error / plain for error in smoothed])
        unsmoothed.append(plain)
    columns = list(zip(*ratios, strict=True))
    return Premise(
        alphas,
        tuple(statistics.mean(column) for column in columns),
        tuple(min(column) for column in columns),
        tuple(max(column) for column in columns),
        statistics.mean(unsmoothed),
    )


def _error(x: Tensor, weight: Tensor, scales: Tensor, per_token: bool) -> float:
    x_scale = None if per_token else float((x / scales).abs().max()) / QMAX
    y = quantization.w8a8_linear(x / scales, weight * scales, x_scale)
    truth = x @ weight.T
    return float((y - truth)[1:].norm() / truth[1:].norm())


class PrintedMigration(NamedTuple):
    """Q8 as printed, beside the library: how far products and scales are apart."""

    product_error: float
    scale_error: float
    maxima_differ: float


def printed_migration(
    tokens: int = 16, channels: int = 8, outputs: int = 6, seed: int = 0
) -> PrintedMigration:
    """Evaluate the card's formula entry by entry, with its α_j, which the paper calls s_j.

    The last field is the largest relative difference between the two sides' maxima at the paper's α = ½.
    """
    x, weight = random_rows(tokens, channels, seed), random_rows(outputs, channels, seed + 1)
    x[:, 2] *= 40
    alpha_j = [
        max(abs(v) for v in x[:, j].tolist()) ** 0.5 / max(abs(v) for v in weight[:, j].tolist()) ** 0.5
        for j in range(channels)
    ]
    w_tilde = [[w * a for w, a in zip(row, alpha_j, strict=True)] for row in weight.tolist()]  # Q8, left
    x_tilde = [[v / a for v, a in zip(row, alpha_j, strict=True)] for row in x.tolist()]  # Q8, right
    product = torch.tensor(
        [[sum(a * b for a, b in zip(row, w, strict=True)) for w in w_tilde] for row in x_tilde],
        dtype=torch.float64,
    )
    s = quantization.smooth_scales(quantization.act_absmax([x]), weight)
    act, of_weight = (x / s).abs().amax(dim=0), (weight * s).abs().amax(dim=0)
    truth = x @ weight.T
    return PrintedMigration(
        float((product - truth).norm() / truth.norm()),
        float((s - torch.tensor(alpha_j, dtype=torch.float64)).abs().max()),
        float((act / of_weight - 1).abs().max()),
    )
