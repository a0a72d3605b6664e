"""Where a learned scale goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.experiments.emoji_descriptors import Descriptors, descriptors
from course_lib.experiments.temperature.features import WIDTH, distinct
from course_lib.experiments.temperature.sweep import best_temperature

BATCH, RATE = 256, 1e-2


class LearnedScale(NamedTuple):
    """One training of two linear maps and the scale; rows have one number per step noted."""

    steps: tuple[int, ...]
    scales: tuple[float, ...]
    best_held_out_scales: tuple[float, ...]
    held_out_losses: tuple[float, ...]
    held_out_recall: tuple[float, ...]
    train_recall: float
    pairs: int


def learned_scale(
    steps: int = 2000,
    *,
    temperature: float = 0.07,
    only_distinct: bool = False,
    weight_decay: float = 0.0,
    every: int = 200,
    seed: int = 0,
) -> LearnedScale:
    """Train linear maps of picture and word descriptors with CLIP's learnable scale, and watch 1/τ (C10).

    AdamW, batches of 256, learning rate 0.01, the scale clamped after each step. ``only_distinct`` leaves out
    training pairs whose picture or words another pair shares. ``weight_decay`` acts on the log-scale alone.
    """
    given = descriptors()
    rows = distinct(given) if only_distinct else torch.arange(len(given.train_images))
    images, texts = given.train_images[rows], given.train_texts[rows]
    generator = torch.Generator().manual_seed(seed)
    towers = random_towers(given, WIDTH, generator)
    scale = contrastive.LearnableScale(temperature)
    optimizer = torch.optim.AdamW(
        [
            {"params": towers, "weight_decay": 0.0},
            {"params": scale.parameters(), "weight_decay": weight_decay},
        ],
        lr=RATE,
    )
    noted: list[tuple[int, float, float, float, float]] = []
    for step in range(steps + 1):
        if step % every == 0:
            noted.append((step, *_held_out(given, towers, float(scale().detach()))))
        chosen = torch.randperm(len(rows), generator=generator)[:BATCH]
        loss = tower_loss(towers, images[chosen], texts[chosen], scale())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scale.clamp_()
    with torch.no_grad():
        train = cosines(towers, images[:BATCH], texts[:BATCH])
    at, scales, best, losses, recall = zip(*noted, strict=True)
    return LearnedScale(
        at,
        scales,
        best,
        losses,
        held_out_recall=recall,
        train_recall=float(contrastive.recall_at_k(train, 1)),
        pairs=len(rows),
    )


def random_towers(given: Descriptors, width: int, generator: torch.Generator) -> list[Tensor]:
    """Two linear maps, drawn at random, that ask for gradients."""
    return [
        (0.05 * torch.randn(part.shape[1], width, generator=generator)).requires_grad_() for part in given[:2]
    ]


def tower_loss(
    towers: Sequence[Tensor], images: Tensor, texts: Tensor, logit_scale: float | Tensor
) -> Tensor:
    """The CLIP loss of descriptors through their maps."""
    first, second = _project(towers, images, texts)
    return contrastive.clip_loss(first, second, logit_scale)


def cosines(towers: Sequence[Tensor], images: Tensor, texts: Tensor) -> Tensor:
    """The cosines of all images with all texts after the maps."""
    first, second = _project(towers, images, texts)
    return first @ second.T


def _project(towers: Sequence[Tensor], images: Tensor, texts: Tensor) -> tuple[Tensor, Tensor]:
    return contrastive.l2_normalize(images @ towers[0]), contrastive.l2_normalize(texts @ towers[1])


@torch.no_grad()
def _held_out(
    given: Descriptors, towers: Sequence[Tensor], scale: float
) -> tuple[float, float, float, float]:
    """The scale, the one that the held-out pairs want, their loss and their recall at 1."""
    first, second = _project(towers, given.held_out_images, given.held_out_texts)
    found = first @ second.T
    loss = float(contrastive.clip_loss(first, second, scale))
    return scale, 1 / best_temperature(found), loss, float(contrastive.recall_at_k(found, 1))
