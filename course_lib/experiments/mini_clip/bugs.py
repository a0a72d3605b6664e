"""What a training log shows of three silent bugs."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.experiments.random import random_rows

WIDTH, DIM = 24, 8


def train_with_three_bugs(
    image_weight: Tensor,
    text_weight: Tensor,
    log_scale: Tensor,
    image_batches: Tensor,
    text_batches: Tensor,
    learning_rate: float,
    weight_decay: float,
    max_scale: float = 100.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """The script of "Spot the bugs": gradients add up, the scale decays, its logarithm is cut."""
    parameters = [p.clone().requires_grad_() for p in (image_weight, text_weight, log_scale)]
    optimizer = torch.optim.SGD(parameters, lr=learning_rate, weight_decay=weight_decay)
    for images, texts in zip(image_batches, text_batches, strict=True):
        features = contrastive.encode_pair(images, texts, *parameters)
        loss = contrastive.clip_loss(features.image_features, features.text_features, parameters[2].exp())
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            parameters[2].clamp_(max=max_scale)
    image_weight, text_weight, log_scale = (p.detach() for p in parameters)
    return image_weight, text_weight, log_scale


class SilentBugs(NamedTuple):
    """Loss on fresh pairs and 1/τ, after so many steps with and without the bugs."""

    steps: tuple[int, ...]
    buggy_losses: tuple[float, ...]
    right_losses: tuple[float, ...]
    buggy_scales: tuple[float, ...]
    right_scales: tuple[float, ...]
    chance: float


def silent_bugs(
    steps: tuple[int, ...] = (0, 30, 100, 300), batch: int = 32, rate: float = 0.003, seed: int = 0
) -> SilentBugs:
    """Train two linear towers on noisy pairs, with the buggy script and with a right one."""
    mixing = [random_rows(DIM, WIDTH, seed + 91), random_rows(DIM, WIDTH, seed + 92)]

    def pairs(count: int, seed: int) -> list[Tensor]:
        common = random_rows(count, DIM, seed)
        return [(common + 0.3 * random_rows(count, DIM, seed + i)) @ mixing[i - 1] for i in (1, 2)]

    stream, fresh = pairs(batch * max(steps), seed), pairs(batch, seed + 77)
    start = (
        0.1 * random_rows(WIDTH, DIM, seed + 3),
        0.1 * random_rows(WIDTH, DIM, seed + 4),
        torch.tensor(math.log(1 / 0.07), dtype=torch.float64),
    )
    losses: tuple[list[float], list[float]] = ([], [])
    scales: tuple[list[float], list[float]] = ([], [])
    for count in steps:
        images, texts = (side[: batch * count].reshape(count, batch, WIDTH) for side in stream)
        trainer = contrastive.Trainer(*start, rate)
        for one, other in zip(images, texts, strict=True):
            trainer.step(one, other)
        right = tuple(p.detach() for p in (trainer.image_weight, trainer.text_weight, trainer.log_scale))
        buggy = train_with_three_bugs(*start, images, texts, rate, weight_decay=0.01)
        for which, (image_weight, text_weight, log_scale) in enumerate((buggy, right)):
            features = contrastive.encode_pair(fresh[0], fresh[1], image_weight, text_weight, log_scale)
            scale = log_scale.exp()
            losses[which].append(
                float(contrastive.clip_loss(features.image_features, features.text_features, scale))
            )
            scales[which].append(float(scale))
    return SilentBugs(
        steps, tuple(losses[0]), tuple(losses[1]), tuple(scales[0]), tuple(scales[1]), math.log(batch)
    )
