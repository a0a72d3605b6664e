"""What the straight-through estimator is the derivative of, and what it does to one clipped weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import quantization
from course_lib.experiments.quantization_aware.literal import literal_fake_quantize


class Dithered(NamedTuple):
    """Means over the noise, on a grid of codes −2 … 1 with steps of 1, and a quadratic loss."""

    x: tuple[float, ...]
    mean: tuple[float, ...]  # of the dithered values
    clipped: tuple[float, ...]  # clip(x, −2, 1)
    largest_error: float  # between the two
    slope: tuple[float, ...]  # of the mean loss ½(x̃ − t)², by x, exactly
    estimated: tuple[float, ...]  # the estimator's, averaged over the noise
    without_noise: tuple[float, ...]  # the estimator's as training uses it, x rounded to the nearest


def dithered(target: float = 0.3, draws: int = 4001, points: int = 501) -> Dithered:
    """Compare the mean of dithered values with a clip, and the estimator with the slope of the mean loss."""
    qmin, qmax = -2, 1
    x = torch.linspace(-3, 2, points, dtype=torch.float64)
    noise = torch.linspace(-0.5, 0.5, draws, dtype=torch.float64)  # evenly, instead of by chance
    values = quantization.dithered_quantize(
        x[:, None].expand(-1, draws), noise.expand(points, -1), 1.0, qmin, qmax
    )
    mean, clipped = values.mean(dim=1), x.clamp(qmin, qmax)
    inside = ((x >= qmin) & (x <= qmax)).double()
    # Between k and k + 1 the mean loss is linear: (1 − f) ½(k − t)² + f ½(k + 1 − t)².
    lower = x.floor().clamp_max(qmax - 1)
    slope = inside * (lower + 0.5 - target)
    estimated = inside * (mean - target)
    plain = inside * (quantization.fake_quantize(x, 1.0, 0, qmin, qmax) - target)
    return Dithered(
        tuple(x.tolist()),
        tuple(mean.tolist()),
        tuple(clipped.tolist()),
        float((mean - clipped).abs().max()),
        tuple(slope.tolist()),
        tuple(estimated.tolist()),
        tuple(plain.tolist()),
    )


class ClippedWeight(NamedTuple):
    """Where a weight that starts beyond the range is after some steps, by target: inside, and outside."""

    targets: tuple[float, ...]
    meant: tuple[float, ...]
    literal: tuple[float, ...]
    steps_to_return: int | None  # until the printed gradient has brought the first one back inside


def clipped_weight(
    start: float = 2.5,
    targets: Sequence[float] = (0.5, 4.0),
    scale: float = 0.25,
    learning_rate: float = 0.1,
    steps: int = 500,
) -> ClippedWeight:
    """Descend on ½(x̃ − t)² from a place outside of the grid, whose codes −8 … 7 end at 1.75."""
    ends: dict[bool, list[float]] = {False: [], True: []}
    back = None
    for target in targets:
        for literal in (False, True):
            path = descend(start, target, scale, learning_rate, steps, literal=literal)
            ends[literal].append(path[-1])
            if literal and back is None:
                back = next((step for step, x in enumerate(path) if x <= scale * 7), None)
    return ClippedWeight(tuple(targets), tuple(ends[False]), tuple(ends[True]), back)


def descend(
    start: float,
    target: float,
    scale: float,
    learning_rate: float,
    steps: int,
    *,
    literal: bool = False,
    codes: tuple[int, int] = (-8, 7),
) -> list[float]:
    """The places of one weight under plain gradient descent on ½(x̃ − t)²."""
    x = torch.tensor([start], dtype=torch.float64)
    path = [start]
    for _ in range(steps):
        leaf = x.requires_grad_()
        x_hat = rounded(leaf, scale, codes, literal=literal)
        (gradient,) = torch.autograd.grad(0.5 * ((x_hat - target) ** 2).sum(), leaf)
        x = (leaf - learning_rate * gradient).detach()
        path.append(float(x))
    return path


def rounded(x: Tensor, scale: float, codes: tuple[int, int], *, literal: bool) -> Tensor:
    """Fake quantization, with the gradient as meant or as printed."""
    function = literal_fake_quantize if literal else quantization.fake_quantize
    return function(x, scale, 0, *codes)


class Optimizers(NamedTuple):
    """A linear layer on 4 bits learns from another one: its loss after training, relative to the start."""

    scale: float
    sgd_meant: float
    sgd_literal: float
    sgd_literal_compensated: float  # the printed gradient, and a rate that is 1/s times as large
    difference: float  # between the weights of the first and the third
    adam_meant: float
    adam_literal: float
    adam_difference: float  # largest difference of their weights, in steps of the grid


def optimizers(
    scale: float = 0.05, steps: int = 200, sgd_rate: float = 0.1, adam_rate: float = 0.01, seed: int = 0
) -> Optimizers:
    """Train with the gradient as meant and as printed, by plain gradient descent and by Adam."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(256, 32, generator=generator, dtype=torch.float64)
    wanted = 0.1 * torch.randn(16, 32, generator=generator, dtype=torch.float64)
    start = 0.1 * torch.randn(16, 32, generator=generator, dtype=torch.float64)

    def train(literal: bool, kind: type[torch.optim.Optimizer], rate: float) -> tuple[float, Tensor]:
        weight = start.clone().requires_grad_()
        optimizer = kind([weight], lr=rate)  # type: ignore[call-arg]
        losses = []
        for _ in range(steps + 1):
            loss = 0.5 * ((x @ (rounded(weight, scale, (-8, 7), literal=literal) - wanted).T) ** 2).mean()
            losses.append(float(loss.detach()))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return losses[-1] / losses[0], weight.detach()

    sgd = torch.optim.SGD
    meant, weight = train(False, sgd, sgd_rate)
    literal, _ = train(True, sgd, sgd_rate)
    compensated, other = train(True, sgd, sgd_rate / scale)
    adam_meant, adam_weight = train(False, torch.optim.Adam, adam_rate)
    adam_literal, adam_other = train(True, torch.optim.Adam, adam_rate)
    return Optimizers(
        scale,
        meant,
        literal,
        compensated,
        float((weight - other).abs().max()),
        adam_meant,
        adam_literal,
        float((adam_weight - adam_other).abs().max()) / scale,
    )


class LearnedLimit(NamedTuple):
    """A step for a bell curve, learned from the squared error, beside the best and the largest."""

    bits: int
    learned: float  # the value of the largest code, in standard deviations
    best: float
    largest: float
    learned_db: float
    best_db: float
    largest_db: float


def learned_limit(bits: int = 2, size: int = 20_000, seed: int = 0) -> LearnedLimit:
    """Let a step follow LSQ's gradient of the squared error, from the paper's start."""
    x = torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    qmin, qmax = quantization.code_range(bits, narrow=True)
    step = quantization.lsq_initial_step(x, qmax).requires_grad_()
    optimizer = torch.optim.Adam([step], lr=0.02)
    for _ in range(200):
        loss = ((quantization.lsq_fake_quantize(x, step, qmin, qmax) - x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    limits = float(step.detach()) * qmax, float(quantization.best_clip(x, bits)), float(x.abs().max())
    ratios = [
        float(quantization.sqnr_db(x, quantization.fake_quantize(x, limit / qmax, 0, qmin, qmax)))
        for limit in limits
    ]
    return LearnedLimit(bits, *limits, *ratios)
