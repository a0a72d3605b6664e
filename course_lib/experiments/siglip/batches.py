"""In blocks, in micro-batches, in larger batches: what about the sigmoid loss depends on the batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.experiments.infonce import emoji_features
from course_lib.experiments.siglip.printed import SCALE


class Chunks(NamedTuple):
    """The same loss from the whole matrix and from blocks of it."""

    loss_error: float
    gradient_error: float
    matrix_entries: int
    block_entries: int
    blocks: int
    blocks_with_positives: int
    kept_by_full: int
    kept_by_plain_blocks: int
    kept_by_library: int


def chunks(batch: int = 1024, chunk: int = 128) -> Chunks:
    """Whether blocks are exact (C13), and how many numbers autograd keeps for the backward pass.

    Plain blocks, a loop under autograd, keep all their logits: little memory needs a backward pass of its
    own, which the library has.
    """
    images, texts = emoji_features(batch)
    bias = contrastive.initial_bias(batch)
    losses: list[float] = []
    grads: list[Tensor] = []
    kept: list[int] = []
    library = partial(contrastive.siglip_loss_chunked, chunk=chunk)
    ways: tuple[Callable[..., Tensor], ...] = (contrastive.siglip_loss, _plain_blocks(chunk), library)
    for loss_of in ways:
        given = [x.clone().requires_grad_() for x in (images, texts)]
        loss, numbers = _counting_kept(partial(loss_of, given[0], given[1], SCALE, bias), given)
        losses.append(float(loss.detach()))
        grads.append(torch.cat(torch.autograd.grad(loss, given)))
        kept.append(numbers)
    sides = -(-batch // chunk)
    return Chunks(
        max(abs(loss - losses[0]) for loss in losses),
        max(float((grad - grads[0]).abs().max()) for grad in grads),
        batch * batch,
        chunk * chunk,
        sides * sides,
        sides,
        *kept,
    )


def _plain_blocks(chunk: int) -> Callable[..., Tensor]:
    def loss_of(images: Tensor, texts: Tensor, logit_scale: float, logit_bias: float) -> Tensor:
        total = images.new_zeros(())
        for row, some_images in enumerate(images.split(chunk)):
            for column, some_texts in enumerate(texts.split(chunk)):
                logits = logit_scale * some_images @ some_texts.T + logit_bias
                labels = -torch.ones_like(logits)
                if row == column:
                    labels.fill_diagonal_(1)
                total = total - torch.nn.functional.logsigmoid(labels * logits).sum()
        return total / len(images)

    return loss_of


def _counting_kept(forward: Callable[[], Tensor], inputs: Sequence[Tensor]) -> tuple[Tensor, int]:
    """Run a forward pass; count the numbers kept for the backward pass, once each, inputs not included."""
    storages: dict[int, int] = {}
    given = {x.untyped_storage().data_ptr() for x in inputs}
    held: list[Any] = []  # a freed storage's address could be given to another one

    def pack(tensor: Tensor) -> Tensor:
        held.append(tensor)
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in given:
            storages[storage.data_ptr()] = storage.nbytes() // tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = forward()
    return loss, sum(storages.values())


class PairInBatches(NamedTuple):
    """What one and the same negative pair is told, in batches of several sizes."""

    batches: tuple[int, ...]
    sigmoid: tuple[float, ...]
    softmax: tuple[float, ...]
    positive_share: tuple[float, ...]
    best_bias: tuple[float, ...]


def pair_in_batches(
    batches: Sequence[int] = (16, 64, 256, 1024), bias: float = -5.0, pair: tuple[int, int] = (0, 1)
) -> PairInBatches:
    """N·∂L/∂ℓ of one negative pair, and the positives' share of all |∂L/∂ℓ|, at one fixed bias (C13)."""
    images, texts = emoji_features(max(batches))
    logits = SCALE * images @ texts.T
    sigmoid, softmax, shares = [], [], []
    for batch in batches:
        part = logits[:batch, :batch]
        pushes = contrastive.siglip_grad_wrt_logits(part + bias)
        sigmoid.append(batch * float(pushes[pair]))
        softmax.append(batch * float(contrastive.grad_wrt_logits(part)[pair]))
        shares.append(float(pushes.diagonal().abs().sum() / pushes.abs().sum()))
    return PairInBatches(
        tuple(batches),
        tuple(sigmoid),
        tuple(softmax),
        tuple(shares),
        tuple(contrastive.initial_bias(batch) for batch in batches),
    )


class SigmoidMicroBatches(NamedTuple):
    """One batch, and the average over its micro-batches: for the sigmoid loss too, another loss."""

    whole: float
    pieces: float
    gradient_cosine: float
    pairs_whole: int
    pairs_pieces: int


def sigmoid_micro_batches(batch: int = 256, size: int = 32) -> SigmoidMicroBatches:
    """Gradient accumulation over micro-batches leaves out every pair that crosses two of them."""
    images, texts = emoji_features(batch)
    images.requires_grad_()
    bias = contrastive.initial_bias(batch)
    whole = contrastive.siglip_loss(images, texts, SCALE, bias)
    parts = zip(images.split(size), texts.split(size), strict=True)
    pieces = torch.stack([contrastive.siglip_loss(i, t, SCALE, bias) for i, t in parts]).mean()
    one, other = (torch.autograd.grad(loss, images)[0].flatten() for loss in (whole, pieces))
    return SigmoidMicroBatches(
        float(whole.detach()),
        float(pieces.detach()),
        float(one @ other / (one.norm() * other.norm())),
        batch * batch,
        batch * size,
    )
