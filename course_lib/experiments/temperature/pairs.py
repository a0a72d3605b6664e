"""Two batches to turn the temperature on: pairs that a model has learned, and pairs it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch

from course_lib import contrastive
from course_lib.experiments.emoji_descriptors import HELD_OUT, descriptors
from course_lib.experiments.temperature.features import WIDTH, Pairs, distinct, unseen_pairs
from course_lib.experiments.temperature.sweep import TEMPERATURES, Sweep, sweep
from course_lib.experiments.temperature.training import BATCH, RATE, random_towers, tower_loss

STEPS = 40


@lru_cache(maxsize=1)
def learned_pairs() -> Pairs:
    """191 training emoji, after 40 steps of two linear maps at τ = 0.07."""
    given = descriptors()
    kept = distinct(given)
    images, texts = given.train_images[kept], given.train_texts[kept]
    generator = torch.Generator().manual_seed(0)
    towers = random_towers(given, WIDTH, generator)
    optimizer = torch.optim.Adam(towers, lr=RATE)
    for _ in range(STEPS):
        rows = torch.randperm(len(images), generator=generator)[:BATCH]
        optimizer.zero_grad()
        tower_loss(towers, images[rows], texts[rows], 1 / 0.07).backward()
        optimizer.step()
    rows = torch.randperm(len(images), generator=generator)[:HELD_OUT]
    first, second = (
        contrastive.l2_normalize((part[rows] @ tower).detach().double())
        for part, tower in zip((images, texts), towers, strict=True)
    )
    return Pairs(first, second, tuple(given.train_names[row] for row in kept[rows].tolist()))


def learned_sweep(temperatures: Sequence[float] = TEMPERATURES) -> Sweep:
    """The sweep on 191 pairs that a model has learned."""
    return sweep(learned_pairs(), temperatures)


def unseen_sweep(temperatures: Sequence[float] = TEMPERATURES) -> Sweep:
    """The sweep on 191 pairs that the closed-form map of lesson 01 has not seen."""
    return sweep(unseen_pairs(), temperatures)
