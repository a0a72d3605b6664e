"""The formula of the source card as it is printed, with its bias outside the sign."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from course_lib import contrastive
from course_lib.experiments.random import random_rows

Loss = Callable[[Tensor, Tensor, float | Tensor, float | Tensor], Tensor]
SCALE = 10.0  # SigLIP's own start, log-scale log 10


def loss_as_printed(
    image_features: Tensor, text_features: Tensor, logit_scale: float | Tensor, logit_bias: float | Tensor
) -> Tensor:
    """−(1/N) Σ_i Σ_j log σ(z_ij · sim_ij/τ + b), term for term as the card has it (claim C7)."""
    labels = contrastive.pair_labels(len(image_features), dtype=image_features.dtype)
    similarity = image_features @ text_features.T
    return -logsigmoid(labels * (similarity * logit_scale) + logit_bias).sum() / len(image_features)


def random_pairs(batch: int, dim: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Unit vectors of images and texts that have nothing to do with each other."""
    return (
        contrastive.l2_normalize(random_rows(batch, dim, seed)),
        contrastive.l2_normalize(random_rows(batch, dim, seed + 1)),
    )


class PrintedBias(NamedTuple):
    """Two losses of the same random pairs, at several values of the bias."""

    biases: tuple[float, ...]
    printed: tuple[float, ...]
    inside: tuple[float, ...]
    last: float


def printed_bias(
    batch: int = 64, dim: int = 64, biases: Sequence[float] = (-10, -5, 0, 5, 10, 15, 20), seed: int = 0
) -> PrintedBias:
    """The loss as printed, and with the bias inside the sign, while only b changes (C7)."""
    images, texts = random_pairs(batch, dim, seed)
    printed, inside = (
        tuple(float(loss(images, texts, SCALE, float(bias))) for bias in biases)
        for loss in (loss_as_printed, contrastive.siglip_loss)
    )
    return PrintedBias(tuple(map(float, biases)), printed, inside, printed[-1])


class BiasAlone(NamedTuple):
    """Gradient descent on the bias alone, with frozen random embeddings."""

    steps: tuple[int, ...]
    printed_bias: tuple[float, ...]
    printed_loss: tuple[float, ...]
    inside_bias: tuple[float, ...]
    inside_loss: tuple[float, ...]
    best_bias: float
    recall: float


def bias_alone(
    batch: int = 64,
    dim: int = 64,
    steps: Sequence[int] = (0, 10, 100, 1000, 10000),
    rate: float = 1.0,
    seed: int = 0,
) -> BiasAlone:
    """Train nothing but b, from −10, under both losses. Rankings cannot change: b is added to every logit."""
    images, texts = random_pairs(batch, dim, seed)
    printed, inside = (
        _descend(loss, images, texts, steps, rate) for loss in (loss_as_printed, contrastive.siglip_loss)
    )
    recall = contrastive.recall_at_k(images @ texts.T, 1)
    return BiasAlone(tuple(steps), *printed, *inside, contrastive.initial_bias(batch), float(recall))


def _descend(
    loss_of: Loss, images: Tensor, texts: Tensor, marks: Sequence[int], rate: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    # L(b) needs only the cosines: computed once, and b is a single number.
    labels = contrastive.pair_labels(len(images), dtype=images.dtype)
    scaled = SCALE * images @ texts.T
    inside = loss_of is contrastive.siglip_loss
    bias, biases, losses = torch.tensor(-10.0, dtype=images.dtype), [], []
    for step in range(max(marks) + 1):
        if step in marks:
            biases.append(float(bias))
            losses.append(float(loss_of(images, texts, SCALE, bias)))
        arguments = labels * (scaled + bias) if inside else labels * scaled + bias
        slopes = -torch.sigmoid(-arguments) * (labels if inside else 1)
        # Divided by N once more, so that one rate suits every batch: the loss sums N terms for each image.
        bias = bias - rate * slopes.sum() / len(images) ** 2
    return tuple(biases), tuple(losses)
