"""Where the learned scale goes."""

from __future__ import annotations

from typing import NamedTuple

from course_lib import contrastive
from course_lib.contrastive import Loss


class LearnedScale(NamedTuple):
    """1/τ, and SigLIP's bias, at the end of every epoch of the shipped training."""

    epochs: tuple[int, ...]
    scales: tuple[float, ...]
    biases: tuple[float, ...]  # empty for InfoNCE
    first: float  # at initialisation
    last: float
    limit: float


def learned_scale(loss: Loss = "infonce", augmented: bool = True) -> LearnedScale:
    """Whether 1/τ goes to its limit of 100, as CLIP's did (C10): from the recorded history."""
    history = contrastive.mini_clip_recipe(loss, augmented=augmented)["history"]
    start = contrastive.new_mini_clip(1, loss).logit_scale
    scales = tuple(line["logit_scale"] for line in history)
    biases = tuple(line["logit_bias"] for line in history if line["logit_bias"] is not None)
    return LearnedScale(
        tuple(line["epoch"] for line in history),
        scales,
        biases,
        float(start().detach()),
        scales[-1],
        start.max_scale,
    )
