"""False negatives and hard ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from course_lib import contrastive
from course_lib.data import load_emoji, same_picture
from course_lib.experiments.infonce.real_pairs import SCALE, emoji_features


class SamePictures(NamedTuple):
    """Emoji that one vendor draws exactly alike: false negatives in real data."""

    repeated: int
    rows: list[int]
    names: tuple[str, ...]


def same_pictures(count: int = 5) -> SamePictures:
    """How many of the 1,911 pictures repeat another to the pixel, and the largest such group."""
    emoji = load_emoji("noto")
    first = same_picture(emoji)
    largest = int(np.bincount(first).argmax())
    rows = np.flatnonzero(first == largest)[:count].tolist()
    return SamePictures(
        int((first != np.arange(len(first))).sum()), rows, tuple(emoji.names[row] for row in rows)
    )


class Twins(NamedTuple):
    """A batch in which every pair occurs twice."""

    loss: float
    floor: float
    without_twins: float


def twins(pairs: int = 128, logit_scale: float = 100.0) -> Twins:
    """The loss of a perfect model on a batch with duplicates: each row has two equally right columns."""
    once = torch.eye(pairs, dtype=torch.float64)
    twice = once.repeat(2, 1)
    return Twins(
        float(contrastive.clip_loss(twice, twice, logit_scale)),
        math.log(2),
        abs(float(contrastive.clip_loss(once, once, logit_scale))),
    )


class HardNegatives(NamedTuple):
    """How hard the negatives are that batches of several sizes hold, on emoji."""

    batches: tuple[int, ...]
    hardest_cosine: tuple[float, ...]
    hard_share: tuple[float, ...]
    loss: tuple[float, ...]


def hard_negatives(
    batches: Sequence[int] = (8, 16, 32, 64, 128, 256, 512, 1024), logit_scale: float = SCALE
) -> HardNegatives:
    """Mean cosine of the hardest negative, and how many queries meet one harder than their positive (C8).

    The N pairs are the first N of one shuffled list of held-out emoji, cut into disjoint batches, so every
    batch size sees the same pairs.
    """
    images, texts = emoji_features(max(batches))
    hardest, share, losses = [], [], []
    for batch in batches:
        cosines = [
            contrastive.cosine_similarity(i, t)
            for i, t in zip(images.split(batch), texts.split(batch), strict=True)
        ]
        negatives = torch.cat(
            [s.masked_fill(torch.eye(batch, dtype=torch.bool), -2).amax(1) for s in cosines]
        )
        positives = torch.cat([s.diagonal() for s in cosines])
        hardest.append(float(negatives.mean()))
        share.append(float((negatives > positives).double().mean()))
        losses.append(float(contrastive.mean_of_micro_batch_losses(images, texts, logit_scale, batch)))
    return HardNegatives(tuple(batches), tuple(hardest), tuple(share), tuple(losses))
