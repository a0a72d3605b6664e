"""Emoji and their captions in one space: retrieval, mistakes, the scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.data import paired_features, vendor_pairs

SCALE = 10.0  # near the best single scale for the closed-form emoji features (see `scale_sweep`)


def emoji_features(pairs: int) -> tuple[Tensor, Tensor]:
    """Held-out Noto pictures and their captions in one space, as unit float64 features."""
    found = paired_features("noto", pairs)
    return torch.tensor(found.first).double(), torch.tensor(found.second).double()


class Retrieval(NamedTuple):
    """Recall among held-out emoji, at 1, 5 and 10."""

    images_to_texts: tuple[float, ...]
    noto_to_twemoji: tuple[float, ...]
    chance: tuple[float, ...]


def retrieval(pairs: int = 191, ks: Sequence[int] = (1, 5, 10)) -> Retrieval:
    """Find the name of an emoji's picture, and its drawing by another vendor, by cosine alone."""
    captioned, vendors = paired_features("noto", pairs), vendor_pairs(pairs)
    to_texts, to_twemoji = (
        tuple(float(contrastive.recall_at_k(_cosines(p.first, p.second), k)) for k in ks)
        for p in (captioned, vendors)
    )
    return Retrieval(to_texts, to_twemoji, tuple(k / pairs for k in ks))


class Confusions(NamedTuple):
    """Pictures whose nearest caption is that of another emoji, the surest mistakes first."""

    queries: list[int]
    names: tuple[str, ...]
    retrieved: tuple[tuple[str, ...], ...]


def confusions(pairs: int = 191, count: int = 6, depth: int = 4) -> Confusions:
    """The pictures for which a wrong caption beats the right one by most, and what was found for them."""
    captioned = paired_features("noto", pairs)
    cosines = _cosines(captioned.first, captioned.second)
    margin = cosines.amax(dim=1) - cosines.diagonal()
    wrong = margin.argsort(descending=True)[:count].tolist()
    return Confusions(
        [int(captioned.indices[i]) for i in wrong],
        tuple(captioned.names[i] for i in wrong),
        tuple(tuple(captioned.names[j] for j in cosines[i].topk(depth).indices.tolist()) for i in wrong),
    )


class ScaleSweep(NamedTuple):
    """The loss on one fixed set of emoji features, at several scales."""

    scales: tuple[float, ...]
    losses: tuple[float, ...]
    chance: float


def scale_sweep(pairs: int = 191, scales: Sequence[float] = (1, 2, 5, 10, 15, 20, 30, 50)) -> ScaleSweep:
    """The loss of fixed features depends on the scale: a U with chance at one end."""
    images, texts = emoji_features(pairs)
    losses = tuple(float(contrastive.clip_loss(images, texts, float(scale))) for scale in scales)
    return ScaleSweep(tuple(float(scale) for scale in scales), losses, math.log(pairs))


def _cosines(first: object, second: object) -> Tensor:
    return contrastive.cosine_similarity(torch.as_tensor(first), torch.as_tensor(second))
