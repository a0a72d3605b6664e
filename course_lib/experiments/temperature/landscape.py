"""Does a small temperature smooth the landscape? Curvature, gradient noise and descent, measured (C11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.experiments.emoji_descriptors import descriptors
from course_lib.experiments.temperature.training import cosines, random_towers, tower_loss

WIDTH, BATCH, NOISE_BATCH = 32, 256, 64
TEMPERATURES = (1.0, 0.3, 0.1, 0.07, 0.03, 0.01)


class Landscape(NamedTuple):
    """Means over seeds, and the smallest and largest, one number per temperature."""

    temperatures: tuple[float, ...]
    curvature: tuple[float, ...]
    curvature_low: tuple[float, ...]
    curvature_high: tuple[float, ...]
    noise: tuple[float, ...]
    noise_low: tuple[float, ...]
    noise_high: tuple[float, ...]


def landscape(
    trained_steps: int = 0,
    *,
    temperatures: Sequence[float] = TEMPERATURES,
    seeds: Sequence[int] = (0, 1, 2),
    iterations: int = 25,
    draws: int = 48,
) -> Landscape:
    """Largest curvature of the loss, and the noise of its minibatch gradients, at one point for all τ.

    The point is a pair of linear maps of real descriptors: random, or trained for ``trained_steps`` at
    τ = 0.07. Curvature is the eigenvalue of largest magnitude of the Hessian on one batch of 256, by power
    iteration on Hessian-vector products. Noise is the variance of the gradient over batches of 64, summed
    over entries, divided by the squared length of the mean gradient: 1 means as much noise as signal.
    """
    points = [_point(trained_steps, seed) for seed in seeds]
    curvature, noise = (
        [
            [measure(point, 1 / tau, seed) for seed, point in zip(seeds, points, strict=True)]
            for tau in temperatures
        ]
        for measure in (
            lambda point, scale, seed: top_curvature(point, scale, seed, iterations),
            lambda point, scale, seed: gradient_noise(point, scale, seed, draws),
        )
    )
    return Landscape(tuple(temperatures), *_spread(curvature), *_spread(noise))


class Descent(NamedTuple):
    """Recall at 1 on the batch after a few steps at the best of several rates, one number per temperature."""

    temperatures: tuple[float, ...]
    recall: tuple[float, ...]
    best_rate: tuple[float, ...]


def descent(*, temperatures: Sequence[float] = TEMPERATURES, steps: int = 60, seed: int = 0) -> Descent:
    """Plain gradient descent on one batch of 256 from one random start: what each temperature reaches.

    Every temperature may choose its learning rate, among τ · (1/16, 1/4, 1, 4, 16): the gradient at a random
    start grows with 1/τ, so one rate for all would decide the race beforehand.
    """
    given = descriptors()
    images, texts = given.train_images[:BATCH], given.train_texts[:BATCH]

    def reached(temperature: float, rate: float) -> float:
        towers = _point(0, seed)
        for _ in range(steps):
            grads = torch.autograd.grad(tower_loss(towers, images, texts, 1 / temperature), towers)
            with torch.no_grad():
                for tower, grad in zip(towers, grads, strict=True):
                    tower -= rate * grad
        with torch.no_grad():
            return float(contrastive.recall_at_k(cosines(towers, images, texts), 1))

    best = [
        max((reached(tau, rate), rate) for rate in (tau * 4.0**power for power in range(-2, 3)))
        for tau in temperatures
    ]
    recall, rates = zip(*best, strict=True)
    return Descent(tuple(temperatures), recall, rates)


def top_curvature(towers: Sequence[Tensor], logit_scale: float, seed: int, iterations: int) -> float:
    """Magnitude of the Hessian's largest eigenvalue with respect to both maps."""
    given = descriptors()
    loss = tower_loss(towers, given.train_images[:BATCH], given.train_texts[:BATCH], logit_scale)
    gradient = torch.autograd.grad(loss, list(towers), create_graph=True)
    generator = torch.Generator().manual_seed(seed)
    direction = [torch.randn(tower.shape, generator=generator) for tower in towers]
    length = 0.0
    for _ in range(iterations):
        product = torch.autograd.grad(gradient, list(towers), _unit(direction), retain_graph=True)
        direction = [part.detach() for part in product]
        length = float(_flat(direction).norm())
    return length


def gradient_noise(towers: Sequence[Tensor], logit_scale: float, seed: int, draws: int) -> float:
    """Variance of the minibatch gradient over the squared length of its mean, both without bias."""
    given = descriptors()
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(draws):
        rows = torch.randperm(len(given.train_images), generator=generator)[:NOISE_BATCH]
        loss = tower_loss(towers, given.train_images[rows], given.train_texts[rows], logit_scale)
        found.append(_flat(torch.autograd.grad(loss, list(towers))))
    gradients = torch.stack(found)
    mean = gradients.mean(dim=0)
    variance = float((gradients - mean).square().sum() / (draws - 1))
    return variance / (float(mean.square().sum()) - variance / draws)


def _point(steps: int, seed: int) -> list[Tensor]:
    given = descriptors()
    generator = torch.Generator().manual_seed(seed)
    towers = random_towers(given, WIDTH, generator)
    optimizer = torch.optim.Adam(towers, lr=1e-2)
    for _ in range(steps):
        rows = torch.randperm(len(given.train_images), generator=generator)[:BATCH]
        optimizer.zero_grad()
        tower_loss(towers, given.train_images[rows], given.train_texts[rows], 1 / 0.07).backward()
        optimizer.step()
    return [tower.detach().requires_grad_() for tower in towers]


def _spread(rows: list[list[float]]) -> tuple[tuple[float, ...], ...]:
    """Mean, smallest and largest of each row."""
    return (
        tuple(sum(row) / len(row) for row in rows),
        tuple(min(row) for row in rows),
        tuple(max(row) for row in rows),
    )


def _flat(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat([part.flatten() for part in parts])


def _unit(parts: Sequence[Tensor]) -> list[Tensor]:
    norm = _flat(parts).norm()
    return [part / norm for part in parts]
