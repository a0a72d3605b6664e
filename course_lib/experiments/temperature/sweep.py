"""What one number, the temperature, does to a batch of fixed features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.experiments.temperature.features import Pairs

TEMPERATURES = (1.0, 0.5, 0.2, 0.1, 0.07, 0.05, 0.03, 0.02, 0.01, 0.005)


class Sweep(NamedTuple):
    """The same features at several temperatures; every row has one number per temperature."""

    temperatures: tuple[float, ...]
    losses: tuple[float, ...]
    recall: tuple[float, ...]
    effective_negatives: tuple[float, ...]
    gradient_norms: tuple[float, ...]
    best_temperature: float


def sweep(batch: Pairs, temperatures: Sequence[float] = TEMPERATURES) -> Sweep:
    """Loss, recall at 1, mean effective negatives and gradient norm of a batch at each temperature.

    The gradient is taken with respect to embeddings of length 1, so only its part along the sphere remains:
    what a tower is told.
    """
    images, texts, _ = batch
    cosines = images @ texts.T
    recall = float(contrastive.recall_at_k(cosines, 1))
    rows = [measured_at(images, texts, cosines, temperature) for temperature in temperatures]
    losses, effective, norms = zip(*rows, strict=True)
    return Sweep(
        tuple(temperatures), losses, (recall,) * len(rows), effective, norms, best_temperature(cosines)
    )


def best_temperature(cosines: Tensor) -> float:
    """The temperature of lowest loss, by bisection: the loss is convex in the scale."""
    low, high = -2.0, 12.0  # of the logarithm of the scale
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if contrastive.grad_log_scale(cosines, middle) < 0 else (low, middle)
    return float(torch.tensor(-low).exp())


def measured_at(
    images: Tensor, texts: Tensor, cosines: Tensor, temperature: float
) -> tuple[float, float, float]:
    """Loss, mean effective negatives and gradient norm at one temperature."""
    loss = float(contrastive.clip_loss(images, texts, 1 / temperature))
    effective = float(contrastive.effective_negatives(cosines, temperature).mean())
    grads = contrastive.clip_loss_grad(images, texts, 1 / temperature)
    along = [
        contrastive.normalize_grad(images, grads.image_features),
        contrastive.normalize_grad(texts, grads.text_features),
    ]
    return loss, effective, float(torch.cat(along).norm())
