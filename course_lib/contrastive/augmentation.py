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

    Parameters
    ----------
    images : Tensor, shape [batch, 3, side, side], float32
        From 0, the background, which is also what comes in from outside, to 1.
    amounts : Augmentation
        The largest changes; each picture's own are uniform up to them (the zoom: its logarithm is).
    generator : torch.Generator
        Where chance comes from.
    may_flip : Tensor of bool, shape [batch], optional
        Which pictures may be mirrored; by default none.

    Returns
    -------
    Tensor, shape of ``images``
        New pictures, from 0 to 1.

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> nothing = Augmentation(shift=0, turn=0, zoom=0, tint=0)
    >>> bool(torch.allclose(augment_images(images, nothing, torch.Generator()), images, atol=1e-5))
    True
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
    """Leave out each word of a caption with probability ``share``: another sample of its name and tags.

    Parameters
    ----------
    bags : Tensor, shape [batch, num_words], float32
        Bags of words.
    share : float, from 0 to 1
        Probability of leaving out a word.
    generator : torch.Generator
        Where chance comes from.

    Returns
    -------
    Tensor, shape of ``bags``
        Rows keep their length. A row that would lose every word keeps them all.

    Examples
    --------
    >>> drop_words(torch.tensor([[0.6, 0.8]]), 1.0, torch.Generator())
    tensor([[0.6000, 0.8000]])
    """
    kept = bags * (torch.rand(bags.shape, generator=generator) >= share)
    lengths = kept.norm(dim=1, keepdim=True)
    scaled = kept * (bags.norm(dim=1, keepdim=True) / lengths.clamp_min(1e-12))
    return torch.where(lengths > 0, scaled, bags)
