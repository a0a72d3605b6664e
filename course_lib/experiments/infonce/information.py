"""The ceiling of the estimate of mutual information."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.experiments.random import random_rows


class Ceiling(NamedTuple):
    """What the loss of the best possible critic says about the mutual information."""

    batches: tuple[int, ...]
    estimates: tuple[float, ...]
    ceilings: tuple[float, ...]
    truth: float


def information_ceiling(
    batches: Sequence[int] = (2, 8, 32, 128, 256, 512),
    dim: int = 20,
    correlation: float = 0.95,
    seed: int = 0,
) -> Ceiling:
    """Estimate log N − L with the optimal critic, for Gaussian pairs of known mutual information.

    x and y have `dim` independent components of correlation ρ, so that I(x; y) = −(dim/2)·log(1 − ρ²).
    The optimal critic is the log-ratio log p(y|x)/p(y); the loss is InfoNCE on it, averaged over enough
    batches that about 8192 pairs are seen for each N.
    """
    truth = -dim / 2 * math.log(1 - correlation**2)
    estimates = []
    for batch in batches:
        losses = []
        for repeat in range(max(1, 8192 // batch)):
            x = random_rows(batch, dim, 1000 * seed + 2 * repeat)
            noise = random_rows(batch, dim, 1000 * seed + 2 * repeat + 1)
            y = correlation * x + math.sqrt(1 - correlation**2) * noise
            losses.append(_critic_loss(x, y, correlation))
        estimates.append(math.log(batch) - sum(losses) / len(losses))
    return Ceiling(tuple(batches), tuple(estimates), tuple(math.log(n) for n in batches), truth)


def _critic_loss(x: Tensor, y: Tensor, correlation: float) -> float:
    # log p(y|x) − log p(y), up to a constant that no softmax sees.
    variance = 1 - correlation**2
    squared = torch.cdist(correlation * x, y, compute_mode="donot_use_mm_for_euclid_dist") ** 2
    ratio = -squared / (2 * variance) + (y**2).sum(1)[None] / 2
    return -float(contrastive.log_softmax_rows(ratio).diagonal().mean())
