"""Pictures moved, turned and tinted a little, captions with words left out: batched, seeded and cheap."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional


class Augmentation(NamedTuple):
    """How much a training pair may change from one epoch to the next."""

    shift: float = 3.0  # pixels, each way
    turn: float = 15.0  # degrees, each way
    zoom: float = 0.2  # 0.2: from 1/1.2 to 1.2 times as large
    tint: float = 0.2  # of each colour channel: a caption says "red heart", so the hue stays recognisable
    drop_words: float = 0.4  # share of a caption's words


def augment_images(
    images: Float[Tensor, "batch 3 side side"],
    amounts: Augmentation,
    generator: torch.Generator,
    may_flip: Bool[Tensor, " batch"] | None = None,
) -> Float[Tensor, "batch 3 side side"]:
    """Shift, turn, zoom and tint every picture by its own random amounts; mirror half of those that may be.

    Background must be 0: that is what comes in from outside.
    """
    batch, _, side, _ = images.shape

    def between(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(batch, *shape, generator=generator)

    angle = between(-1, 1) * math.radians(amounts.turn)
    size = torch.exp(between(-1, 1) * math.log1p(amounts.zoom))
    mirror = torch.ones(batch)
    if may_flip is not None:
        mirror = torch.where(may_flip & (between(0, 1) < 0.5), -1.0, 1.0)
    cos, sin = torch.cos(angle) / size, torch.sin(angle) / size
    shift = between(-1, 1, 2) * amounts.shift * 2 / side  # affine_grid's unit is half a side
    rows = [
        torch.stack([cos * mirror, -sin, shift[:, 0]], 1),
        torch.stack([sin * mirror, cos, shift[:, 1]], 1),
    ]
    grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    moved = functional.grid_sample(images, grid, align_corners=False)
    tint = 1 + amounts.tint * between(-1, 1, 3, 1, 1)
    return (moved * tint).clamp_(0, 1)


def drop_words(
    bags: Float[Tensor, "batch num_words"], share: float, generator: torch.Generator
) -> Float[Tensor, "batch num_words"]:
    """Leave out each word with probability ``share``; rows keep their length, and none loses every word."""
    kept = bags * (torch.rand(bags.shape, generator=generator) >= share)
    lengths = kept.norm(dim=1, keepdim=True)
    scaled = kept * (bags.norm(dim=1, keepdim=True) / lengths.clamp_min(1e-12))
    return torch.where(lengths > 0, scaled, bags)
