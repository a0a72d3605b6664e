"""What the bias does before anything is learned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch

from course_lib import contrastive
from course_lib.experiments.infonce import emoji_features
from course_lib.experiments.siglip.printed import SCALE, random_pairs

PAPER_BIAS = -10.0  # what SigLIP starts from, whatever the batch


class Untrained(NamedTuple):
    """One random batch under three biases: 0, −10 and b*."""

    biases: tuple[float, ...]
    losses: tuple[float, ...]
    shares: tuple[float, ...]
    without_spread: tuple[float, ...]
    exact_shares: tuple[float, ...]
    batch_of_ten: int


def untrained(batch: int = 4096, dim: int = 512, seed: int = 0) -> Untrained:
    """Loss, and the positives' share of |∂L/∂ℓ|, of random embeddings: measured, and with all cosines 0."""
    images, texts = (x.float() for x in random_pairs(batch, dim, seed))
    biases = (0.0, PAPER_BIAS, contrastive.initial_bias(batch))
    losses, shares, closed = [], [], []
    for bias in biases:
        losses.append(float(contrastive.siglip_loss_chunked(images, texts, SCALE, bias)))
        shares.append(_positive_share(images, texts, bias))
        closed.append(_loss_of_equal_logits(batch, bias))
    exact = tuple(contrastive.positive_gradient_share(batch, bias) for bias in biases)
    of_ten = round(math.exp(-PAPER_BIAS)) + 1  # the N for which −log(N − 1) = −10
    return Untrained(biases, tuple(losses), tuple(shares), tuple(closed), exact, of_ten)


def _positive_share(images: torch.Tensor, texts: torch.Tensor, bias: float) -> float:
    positive = everything = 0.0
    size = 512  # rows at a time: the whole matrix would be 64 MB, several times over
    for start in range(0, len(images), size):
        # σ(ℓ) of every pair, as if all were negatives; |∂L/∂ℓ| of a positive is σ(−ℓ) instead.
        logits = images[start : start + size] @ texts.T * SCALE + bias
        pulls = torch.sigmoid(-logits.diagonal(offset=start)).double().sum()
        pushes = torch.sigmoid(logits).double().sum() - torch.sigmoid(logits.diagonal(start)).double().sum()
        positive, everything = positive + float(pulls), everything + float(pulls + pushes)
    return positive / everything


def _loss_of_equal_logits(batch: int, bias: float) -> float:
    """−log σ(b) − (N − 1) log σ(−b): the loss when every logit is b."""
    return _softplus(-bias) + (batch - 1) * _softplus(bias)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


class BestBias(NamedTuple):
    """The best bias of random embeddings, searched for, beside −log(N − 1)."""

    batches: tuple[int, ...]
    found: tuple[float, ...]
    predicted: tuple[float, ...]
    corrected: tuple[float, ...]
    loss: tuple[float, ...]
    log_n_plus_1: tuple[float, ...]
    infonce: tuple[float, ...]


def best_bias(batches: Sequence[int] = (4, 16, 64, 256, 1024), dim: int = 512, seed: int = 0) -> BestBias:
    """Search the bias with the lowest loss for random embeddings of several batch sizes.

    L is convex in b, so a bisection on the sign of dL/db finds its minimum.
    """
    found, losses, infonce = [], [], []
    for batch in batches:
        images, texts = random_pairs(batch, dim, seed)
        low, high = -30.0, 10.0
        logits = SCALE * images @ texts.T
        for _ in range(50):
            middle = (low + high) / 2
            rising = contrastive.siglip_grad_wrt_logits(logits + middle).sum() > 0
            low, high = (low, middle) if rising else (middle, high)
        found.append((low + high) / 2)
        losses.append(float(contrastive.siglip_loss(images, texts, SCALE, found[-1])))
        infonce.append(float(contrastive.clip_loss(images, texts, SCALE)))
    predicted = [contrastive.initial_bias(batch) for batch in batches]
    # Logits that spread by σ raise the mean of exp(ℓ) by exp(σ²/2); random cosines have σ² = 1/D.
    corrected = [bias - SCALE**2 / dim / 2 for bias in predicted]
    return BestBias(
        tuple(batches),
        tuple(found),
        tuple(predicted),
        tuple(corrected),
        tuple(losses),
        tuple(math.log(batch) + 1 for batch in batches),
        tuple(infonce),
    )


class Shift(NamedTuple):
    """How far two losses move when a constant is added to the logits of emoji pairs."""

    infonce_all: float
    sigmoid_all: float
    sigmoid_before: float
    infonce_rows: float
    sigmoid_rows: float


def shift(pairs: int = 128, by: float = 5.0, seed: int = 0) -> Shift:
    """Add `by` to every logit; then add to each image's row a number of its own, ±`by` on average.

    No ranking of the texts changes in either case. The image-to-text half of InfoNCE sees neither.
    """
    images, texts = emoji_features(pairs)
    logits = SCALE * images @ texts.T + contrastive.initial_bias(pairs)
    generator = torch.Generator().manual_seed(seed)
    rows = by * torch.randn(pairs, 1, generator=generator, dtype=logits.dtype)
    labels = contrastive.pair_labels(pairs, dtype=logits.dtype)

    def infonce(moved: torch.Tensor) -> float:
        return -float(contrastive.log_softmax_rows(moved).diagonal().mean())

    def sigmoid(moved: torch.Tensor) -> float:
        return -float(contrastive.log_sigmoid(labels * moved).sum()) / pairs

    return Shift(
        abs(infonce(logits + by) - infonce(logits)),
        sigmoid(logits + by) - sigmoid(logits),
        sigmoid(logits),
        abs(infonce(logits + rows) - infonce(logits)),
        sigmoid(logits + rows) - sigmoid(logits),
    )
