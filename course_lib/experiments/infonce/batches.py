"""One batch, whole and in pieces."""

from __future__ import annotations

from typing import NamedTuple

import torch

from course_lib import contrastive
from course_lib.experiments.infonce.real_pairs import SCALE, emoji_features


class MicroBatches(NamedTuple):
    """One batch of 256 emoji, whole and in eight pieces."""

    whole: float
    pieces: float
    exact: float
    gradient_cosine: float


def micro_batches(batch: int = 256, size: int = 32, logit_scale: float = SCALE) -> MicroBatches:
    """Compare the loss and the gradient of a batch with the average over its micro-batches."""
    images, texts = emoji_features(batch)
    images.requires_grad_()
    losses = [
        contrastive.clip_loss(images, texts, logit_scale),
        contrastive.mean_of_micro_batch_losses(images, texts, logit_scale, size),
        contrastive.accumulated_loss(images, texts, logit_scale, size),
    ]
    one, other = (torch.autograd.grad(loss, images)[0].flatten() for loss in losses[:2])
    cosine = one @ other / (one.norm() * other.norm())
    whole, pieces, exact = (float(loss.detach()) for loss in losses)
    return MicroBatches(whole, pieces, exact, float(cosine))


class Blocks(NamedTuple):
    """The same loss from the whole matrix and from blocks of it."""

    loss_error: float
    gradient_error: float
    matrix_entries: int
    block_entries: int


def blocks(batch: int = 1024, size: int = 64, logit_scale: float = SCALE) -> Blocks:
    """Whether an exact loss needs the N×N matrix at once (C12): it needs all embeddings, not all logits."""
    images, texts = emoji_features(batch)
    images.requires_grad_()
    whole = contrastive.clip_loss(images, texts, logit_scale)
    piecewise = contrastive.accumulated_loss(images, texts, logit_scale, size)
    one, other = (torch.autograd.grad(loss, images)[0] for loss in (whole, piecewise))
    return Blocks(
        abs(float((whole - piecewise).detach())),
        float((one - other).abs().max()),
        batch * batch,
        size * batch,
    )
