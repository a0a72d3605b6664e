"""One run of the recorded study: scripts/study_quantization.py makes many and records them."""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import nn

from course_lib import quantization
from course_lib.experiments.quantization_aware.literal import literally
from course_lib.experiments.quantization_aware.tuning import (
    Tuned,
    prepared,
    recall_with,
    renew_statistics,
    shipped,
    tune,
)

#: Of every arm: sixteen times the training emoji, in batches of 128.
STEPS = 208
LEARNING_RATE = 1e-3
#: The steps of the arms that compare gradients.
SHORT = 52
SGD_RATE = 0.01


class Run(NamedTuple):
    """What was trained, and how well the integer model does."""

    seen: float
    other_vendor: float
    held_out: float
    # The same with batch normalisation's statistics measured anew before the conversion.
    seen_renewed: float
    other_vendor_renewed: float
    held_out_renewed: float
    loss: float  # of training: mean of the last 13 batches


def arm_run(arm: str, bits: int, seed: int, steps: int = STEPS) -> Run:
    """Fine-tune the image tower in one of three ways, and evaluate it on integers.

    ``arm`` is "float" (trained in floating point, then quantized; 32 bits: not quantized), "qat" (trained
    with rounding, steps from the largest weight) or "lsq" (with rounding, and learned steps).
    """
    if arm == "float":
        tuned = _float_tower(seed, steps)
        tower = copy.deepcopy(tuned.tower) if bits == 32 else prepared(tuned.tower, bits)
    else:
        start = prepared(shipped().image_tower, bits, "learned" if arm == "lsq" else "minmax")
        tuned = tune(_channels_last(start), steps=steps, seed=seed, learning_rate=LEARNING_RATE)
        tower = tuned.tower
    return _run(tower, tuned)


def gradient_run(gradient: str, optimizer: str, bits: int, seed: int, steps: int = SHORT) -> Run:
    """Train with the gradient as meant ("meant") or as printed ("literal"), by "adam" or "sgd"."""
    tower = prepared(shipped().image_tower, bits)
    if gradient == "literal":
        tower = literally(tower)
    if optimizer == "sgd":
        tuned = tune(_channels_last(tower), steps=steps, seed=seed, learning_rate=SGD_RATE, optimizer="sgd")
    else:
        tuned = tune(_channels_last(tower), steps=steps, seed=seed, learning_rate=LEARNING_RATE)
    return _run(tuned.tower, tuned)


def float_rate_run(schedule: str, seed: int, steps: int = 104) -> Run:
    """Train in floating point, with a rate that falls ("decay") or is "constant": oscillation's control."""
    tuned = tune(
        _channels_last(copy.deepcopy(shipped().image_tower)),
        steps=steps,
        seed=seed,
        learning_rate=LEARNING_RATE,
        decay=schedule == "decay",
    )
    return _run(tuned.tower, tuned)


@lru_cache(maxsize=1)
def _float_tower(seed: int, steps: int) -> Tuned:
    tower = _channels_last(copy.deepcopy(shipped().image_tower))
    return tune(tower, steps=steps, seed=seed, learning_rate=LEARNING_RATE)


def _run(tower: nn.Module, tuned: Tuned) -> Run:
    before = recall_with(_integer(tower))
    renew_statistics(tower)
    last = tuned.losses[-13:]
    return Run(*before, *recall_with(_integer(tower)), loss=sum(last) / len(last))


def _integer(tower: nn.Module) -> nn.Module:
    """Convert what rounds; a tower in floating point, and one with the printed gradient, stay as they are."""
    layers = [type(layer) for layer in tower.modules()]
    return quantization.convert(tower) if quantization.QATLayer in layers else tower


def _channels_last(tower: nn.Module) -> nn.Module:
    return tower.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
