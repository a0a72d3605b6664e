"""How well a model retrieves: emoji it was trained on, the same by the other vendor, and held-out ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch import Tensor

from course_lib import contrastive
from course_lib.contrastive import MiniClip
from course_lib.data import Vendor
from course_lib.experiments.mini_clip.emoji import EmojiTensors, emoji_tensors


class Evaluation(NamedTuple):
    """Shares from 0 to 1, each the mean of both directions, among as many candidates as there are queries.

    Training emoji: 1,720 candidates. Held-out emoji: 191, all of them new: zero-shot. "other" is the vendor
    whose drawings were not trained on: for training emoji that is a shift of domain, not zero-shot.
    """

    train_r1: float
    other_r1: float
    held_out_r1: float
    held_out_r5: float
    held_out_other_r1: float
    held_out_other_r5: float
    held_out_rank: float  # mean reciprocal rank


def evaluate(model: MiniClip) -> Evaluation:
    """Evaluate on all four: training and held-out emoji, drawn by Noto and by Twemoji."""
    emoji = emoji_tensors()
    train, other, held_out, held_out_other = (
        similarity_of(model, emoji, vendor, rows)
        for rows in (emoji.train, emoji.held_out)
        for vendor in ("noto", "twemoji")
    )
    return Evaluation(
        _recall(train, 1),
        _recall(other, 1),
        _recall(held_out, 1),
        _recall(held_out, 5),
        _recall(held_out_other, 1),
        _recall(held_out_other, 5),
        reciprocal_rank(held_out),
    )


def similarity_of(model: MiniClip, emoji: EmojiTensors, vendor: Vendor, rows: np.ndarray) -> Tensor:
    """Cosines of pictures (rows) and captions (columns) of the same emoji."""
    features = contrastive.encode(model, emoji.images(vendor)[rows], emoji.bags[rows])
    return features.image_features @ features.text_features.T


def reciprocal_rank(similarity: Tensor) -> float:
    """Mean of 1/rank of the positive, over both directions; finer than recall where queries are few."""
    means = []
    for queries in (similarity, similarity.T):
        ranks = (queries >= queries.diagonal()[:, None]).sum(dim=1)
        means.append(float((1 / ranks).mean()))
    return sum(means) / 2


def _recall(similarity: Tensor, k: int) -> float:
    both = (contrastive.recall_at_k(queries, k) for queries in (similarity, similarity.T))
    return sum(float(recall) for recall in both) / 2
