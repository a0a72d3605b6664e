"""One run of the long studies: scripts/study_mini_clip.py runs many and records them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from course_lib import contrastive
from course_lib.contrastive import Loss, Trained
from course_lib.experiments.mini_clip.emoji import emoji_tensors
from course_lib.experiments.mini_clip.evaluation import evaluate, reciprocal_rank, similarity_of

#: Pictures that batch normalisation averages over, whatever the batch: else each size would have other noise.
NORM_SIZE = 32
#: Half the channels of the model that ships: three times as fast, and some hundred runs are needed.
WIDTHS = (16, 32, 64, 64)
#: Of the training emoji, kept aside while learning rates are chosen.
VALIDATION = 172


class Run(NamedTuple):
    """What was trained, and how well it did; recall as in `Evaluation`."""

    loss: str
    batch_size: int
    samples_seen: int
    learning_rate: float
    corrupted: float
    seed: int
    logit_scale: float
    logit_bias: float | None
    last_loss: float
    train_r1: float
    other_r1: float
    held_out_r1: float
    held_out_r5: float
    held_out_other_r1: float
    held_out_other_r5: float
    held_out_rank: float


def study_run(
    loss: Loss,
    batch_size: int,
    samples_seen: int,
    learning_rate: float,
    corrupted: float = 0.0,
    seed: int = 0,
) -> Run:
    """Train one configuration on all training emoji and evaluate it: a line of the recorded tables."""
    emoji = emoji_tensors()
    trained = _trained(emoji.train, loss, batch_size, samples_seen, learning_rate, corrupted, seed)
    last = trained.history[-1]
    return Run(
        loss,
        batch_size,
        samples_seen,
        learning_rate,
        corrupted,
        seed,
        last.logit_scale,
        last.logit_bias,
        last.loss,
        *evaluate(trained.model),
    )


def tuning_run(loss: Loss, batch_size: int, samples_seen: int, learning_rate: float, seed: int) -> float:
    """Train without the validation emoji and return their mean reciprocal rank, over both vendors.

    The learning rate of each loss and batch size is chosen by this number: no held-out emoji takes part.
    """
    emoji = emoji_tensors()
    order = np.random.default_rng(0).permutation(emoji.train)
    validation, rest = order[:VALIDATION], np.sort(order[VALIDATION:])
    trained = _trained(rest, loss, batch_size, samples_seen, learning_rate, 0.0, seed)
    ranks = [
        reciprocal_rank(similarity_of(trained.model, emoji, vendor, validation))
        for vendor in ("noto", "twemoji")
    ]
    return sum(ranks) / 2


def _trained(
    rows: np.ndarray,
    loss: Loss,
    batch_size: int,
    samples_seen: int,
    learning_rate: float,
    corrupted: float,
    seed: int,
) -> Trained:
    emoji = emoji_tensors()
    return contrastive.train_mini_clip(
        emoji.noto[rows],
        emoji.bags[rows],
        loss=loss,
        batch_size=batch_size,
        samples_seen=samples_seen,
        learning_rate=learning_rate,
        may_flip=emoji.may_flip[rows],
        corrupted=corrupted,
        norm_size=NORM_SIZE,
        widths=WIDTHS,
        seed=seed,
    )
