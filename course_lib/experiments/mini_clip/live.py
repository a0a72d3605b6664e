"""What to watch while a mini-CLIP trains: loss, scale, and recall on emoji that it has and has not seen."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from course_lib import contrastive
from course_lib.contrastive import Epoch, Loss, MiniClip
from course_lib.data import Vendor
from course_lib.experiments.mini_clip.emoji import emoji_tensors
from course_lib.experiments.mini_clip.evaluation import similarity_of

#: Candidates of every recall that is watched, so that the three can be compared.
WATCHED = 191


class Snapshot(NamedTuple):
    """One epoch. Recalls are at 1 among 191 candidates, the mean of both directions."""

    loss: float
    logit_scale: float
    trained: float  # drawings that were trained on
    other_vendor: float  # the same emoji, drawn by the vendor that was not
    held_out: float  # emoji that were not


def snapshot(epoch: Epoch, model: MiniClip) -> Snapshot:
    """Measure a model in the middle of its training, in a fraction of a second."""
    return Snapshot(epoch.loss, epoch.logit_scale, *_recalls(model))


class SameCandidates(NamedTuple):
    """Recall at 1 of a shipped model among 191 candidates each, the mean of both directions."""

    trained: float
    other_vendor: float
    held_out: float


def same_candidates(loss: Loss = "infonce") -> SameCandidates:
    """Compare three kinds of pictures fairly: the number of candidates is the same."""
    model = contrastive.load_mini_clip(loss)
    return SameCandidates(*_recalls(model))


def recall(model: MiniClip, vendor: Vendor, rows: np.ndarray, k: int = 1) -> float:
    """Recall at k among the emoji of these rows, the mean of both directions."""
    similarity = similarity_of(model, emoji_tensors(), vendor, rows)
    both = [float(contrastive.recall_at_k(queries, k)) for queries in (similarity, similarity.T)]
    return sum(both) / 2


def _recalls(model: MiniClip) -> list[float]:
    kinds: tuple[tuple[Vendor, np.ndarray], ...] = (
        ("noto", sample()),
        ("twemoji", sample()),
        ("noto", emoji_tensors().held_out),
    )
    return [recall(model, vendor, rows) for vendor, rows in kinds]


@lru_cache(maxsize=1)
def sample() -> np.ndarray:
    """191 of the training emoji, always the same."""
    return np.sort(np.random.default_rng(0).permutation(emoji_tensors().train)[:WATCHED])
