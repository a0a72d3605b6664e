"""What a loss value means: cosines, the printed formulas, chance and the perfect geometry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.experiments.random import random_rows


class LengthEffect(NamedTuple):
    """How much logits move when every embedding is made ten times as long."""

    cosine: float
    dot_product: float


def length_effect(batch: int = 64, dim: int = 16, seed: int = 0) -> LengthEffect:
    """Largest change of a similarity when all embeddings are multiplied by 10 (claim C3)."""
    images, texts = random_rows(batch, dim, seed), random_rows(batch, dim, seed + 1)
    before, after = (contrastive.cosine_similarity(k * images, k * texts) for k in (1, 10))
    dots = images @ texts.T
    return LengthEffect(float((after - before).abs().max()), float((100 * dots - dots).abs().max()))


class PrintedLoss(NamedTuple):
    """The formulas as the source prints them, beside the implementation."""

    image_to_text_error: float
    text_to_image_error: float
    symmetric_error: float
    halves_differ_by: float
    naive_float32_at_scale_100: float


def printed_loss(batch: int = 16, dim: int = 8, temperature: float = 0.07, seed: int = 0) -> PrintedLoss:
    """Evaluate C4, C5 and C6 term by term, in Python floats, and compare with `course_lib`."""
    images, texts = random_rows(batch, dim, seed), random_rows(batch, dim, seed + 1)
    sim = contrastive.cosine_similarity(images, texts).tolist()
    everyone = range(batch)

    def half(entry: Sequence[Sequence[float]]) -> float:
        terms = (
            math.exp(entry[i][i] / temperature) / sum(math.exp(entry[i][j] / temperature) for j in everyone)
            for i in everyone
        )
        return -sum(math.log(term) for term in terms) / batch

    image_to_text, text_to_image = half(sim), half([list(column) for column in zip(*sim, strict=True)])
    units = contrastive.l2_normalize(images), contrastive.l2_normalize(texts)
    ours = [
        float(loss(*units, 1 / temperature))
        for loss in (contrastive.image_to_text_loss, contrastive.text_to_image_loss, contrastive.clip_loss)
    ]
    return PrintedLoss(
        abs(image_to_text - ours[0]),
        abs(text_to_image - ours[1]),
        abs((image_to_text + text_to_image) / 2 - ours[2]),
        abs(image_to_text - text_to_image),
        _naive(torch.ones(4, 1), 100.0),
    )


def _naive(features: Tensor, logit_scale: float) -> float:
    """C4 as it is printed, in 32-bit floats: exp first, then the quotient, then the logarithm."""
    exponentials = (logit_scale * features @ features.T).exp()
    return float(-(exponentials.diagonal() / exponentials.sum(dim=1)).log().mean())


class Landmarks(NamedTuple):
    """Losses in nats that a batch of N can be compared with."""

    chance: float
    random_at_scale_1: float
    perfect_at_scale_1: float
    perfect_at_scale_100: float


def landmarks(batch: int = 256, seed: int = 0) -> Landmarks:
    """Chance, random features, and a perfect geometry: N directions as far apart as they can be.

    The perfect geometry is a regular simplex: every cosine between different pairs is −1/(N − 1).
    """
    eye = torch.eye(batch, dtype=torch.float64)
    perfect = contrastive.l2_normalize(eye - 1 / batch)
    images, texts = (contrastive.l2_normalize(random_rows(batch, 512, seed + i)) for i in (0, 1))
    loss = contrastive.clip_loss
    return Landmarks(
        math.log(batch),
        float(loss(images, texts, 1.0)),
        float(loss(perfect, perfect, 1.0)),
        abs(float(loss(perfect, perfect, 100.0))),  # −0 prints as a riddle
    )
