"""What a plot of the scale shows of three bugs."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.experiments.temperature.features import unseen_pairs
from course_lib.experiments.temperature.sweep import best_temperature

WEIGHT_DECAY = 0.2  # CLIP's, meant for matrices


class BuggyScale(NamedTuple):
    """Where two versions of one training step take the scale, and where the loss wants it."""

    buggy: float
    right: float
    best: float
    buggy_loss: float
    right_loss: float


def scale_step_with_three_bugs(
    log_scale: Tensor, similarity: Tensor, learning_rate: float, max_scale: float
) -> Tensor:
    """The function that "Spot the bugs" prints: no exponential, a clamp inside the loss, weight decay."""
    log_scale = log_scale.detach().clone().requires_grad_()
    logits = log_scale.clamp(max=max_scale) * similarity
    labels = torch.arange(len(logits))
    entropy = torch.nn.functional.cross_entropy
    loss = (entropy(logits, labels) + entropy(logits.T, labels)) / 2
    (gradient,) = torch.autograd.grad(loss, log_scale)
    return (log_scale - learning_rate * (gradient + WEIGHT_DECAY * log_scale)).detach()


def buggy_scale(steps: int = 300, learning_rate: float = 0.1) -> BuggyScale:
    """Train nothing but the scale, on held-out emoji, with the printed step and with the right one."""
    images, texts, _ = unseen_pairs()
    cosines = images @ texts.T
    buggy = right = torch.tensor(math.log(1 / 0.07), dtype=torch.float64)
    for _ in range(steps):
        buggy = scale_step_with_three_bugs(buggy, cosines, learning_rate, 100.0)
        gradient = contrastive.grad_log_scale(cosines, right)
        right = (right - learning_rate * gradient).clamp(max=math.log(100))
    scales = [float(log_scale.exp()) for log_scale in (buggy, right)]
    losses = [float(contrastive.clip_loss(images, texts, scale)) for scale in scales]
    return BuggyScale(scales[0], scales[1], 1 / best_temperature(cosines), losses[0], losses[1])
