"""What a training run shows of three bugs."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.experiments.random import random_rows


class BuggyTraining(NamedTuple):
    """Two trainings of the same linear towers, one with the bugs of "Spot the bugs"."""

    buggy_start: float
    buggy_end: float
    buggy_recall: float
    right_start: float
    right_end: float
    right_recall: float


def loss_with_three_bugs(image_embeddings: Tensor, text_embeddings: Tensor, log_scale: Tensor) -> Tensor:
    """The function that "Spot the bugs" prints: wrong axis, logarithm as scale, one direction twice."""
    images = image_embeddings / image_embeddings.norm(dim=0, keepdim=True)
    texts = text_embeddings / text_embeddings.norm(dim=0, keepdim=True)
    logits = log_scale * images @ texts.T
    return -contrastive.log_softmax_rows(logits).diagonal().mean()


def buggy_training(steps: int = 300, batch: int = 64, seed: int = 0) -> BuggyTraining:
    """Train two linear maps on one batch of noisy pairs, with the buggy loss and with the right one."""

    def right(images: Tensor, texts: Tensor, log_scale: Tensor) -> Tensor:
        normalize = contrastive.l2_normalize
        return contrastive.clip_loss(normalize(images), normalize(texts), log_scale.exp())

    numbers: list[float] = []
    for loss_of in (loss_with_three_bugs, right):
        x = random_rows(batch, 256, seed)
        y = x + random_rows(batch, 256, seed + 1)
        towers = [(0.1 * random_rows(256, 32, seed + i)).requires_grad_() for i in (2, 3)]
        log_scale = torch.tensor(math.log(1 / 0.07), dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.Adam([*towers, log_scale], lr=3e-3)
        losses = []
        for _ in range(steps + 1):
            loss = loss_of(x @ towers[0], y @ towers[1], log_scale)
            losses.append(float(loss.detach()))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        cosines = contrastive.cosine_similarity(x @ towers[0], y @ towers[1]).detach()
        numbers += [losses[0], losses[-1], float(contrastive.recall_at_k(cosines, 1))]
    return BuggyTraining(*numbers)
