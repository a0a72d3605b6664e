"""The measurements of lesson 01. The lesson, the claims ledger and the tests call the same functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.data import load_emoji, paired_features, same_picture, vendor_pairs

SCALE = 10.0  # near the best single scale for the closed-form emoji features (see `scale_sweep`)


class LengthEffect(NamedTuple):
    """How much logits move when every embedding is made ten times as long."""

    cosine: float
    dot_product: float


def length_effect(batch: int = 64, dim: int = 16, seed: int = 0) -> LengthEffect:
    """Largest change of a similarity when all embeddings are multiplied by 10 (claim C3)."""
    images, texts = _random(batch, dim, seed), _random(batch, dim, seed + 1)
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
    images, texts = _random(batch, dim, seed), _random(batch, dim, seed + 1)
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
    images, texts = (contrastive.l2_normalize(_random(batch, 512, seed + i)) for i in (0, 1))
    loss = contrastive.clip_loss
    return Landmarks(
        math.log(batch),
        float(loss(images, texts, 1.0)),
        float(loss(perfect, perfect, 1.0)),
        abs(float(loss(perfect, perfect, 100.0))),  # −0 prints as a riddle
    )


class Ceiling(NamedTuple):
    """What the loss of the best possible critic says about the mutual information."""

    batches: tuple[int, ...]
    estimates: tuple[float, ...]
    ceilings: tuple[float, ...]
    truth: float


def information_ceiling(
    batches: Sequence[int] = (2, 8, 32, 128, 256, 512),
    dim: int = 20,
    correlation: float = 0.95,
    seed: int = 0,
) -> Ceiling:
    """Estimate log N − L with the optimal critic, for Gaussian pairs of known mutual information.

    x and y have `dim` independent components of correlation ρ, so that I(x; y) = −(dim/2)·log(1 − ρ²).
    The optimal critic is the log-ratio log p(y|x)/p(y); the loss is InfoNCE on it, averaged over enough
    batches that about 8192 pairs are seen for each N.
    """
    truth = -dim / 2 * math.log(1 - correlation**2)
    estimates = []
    for batch in batches:
        losses = []
        for repeat in range(max(1, 8192 // batch)):
            x = _random(batch, dim, 1000 * seed + 2 * repeat)
            noise = _random(batch, dim, 1000 * seed + 2 * repeat + 1)
            y = correlation * x + math.sqrt(1 - correlation**2) * noise
            losses.append(_critic_loss(x, y, correlation))
        estimates.append(math.log(batch) - sum(losses) / len(losses))
    return Ceiling(tuple(batches), tuple(estimates), tuple(math.log(n) for n in batches), truth)


def _critic_loss(x: Tensor, y: Tensor, correlation: float) -> float:
    # log p(y|x) − log p(y), up to a constant that no softmax sees.
    variance = 1 - correlation**2
    squared = torch.cdist(correlation * x, y, compute_mode="donot_use_mm_for_euclid_dist") ** 2
    ratio = -squared / (2 * variance) + (y**2).sum(1)[None] / 2
    return -float(contrastive.log_softmax_rows(ratio).diagonal().mean())


class SamePictures(NamedTuple):
    """Emoji that one vendor draws exactly alike: false negatives in real data."""

    repeated: int
    rows: list[int]
    names: tuple[str, ...]


def same_pictures(count: int = 5) -> SamePictures:
    """How many of the 1,911 pictures repeat another to the pixel, and the largest such group."""
    emoji = load_emoji("noto")
    first = same_picture(emoji)
    largest = int(np.bincount(first).argmax())
    rows = np.flatnonzero(first == largest)[:count].tolist()
    return SamePictures(
        int((first != np.arange(len(first))).sum()), rows, tuple(emoji.names[row] for row in rows)
    )


class Twins(NamedTuple):
    """A batch in which every pair occurs twice."""

    loss: float
    floor: float
    without_twins: float


def twins(pairs: int = 128, logit_scale: float = 100.0) -> Twins:
    """The loss of a perfect model on a batch with duplicates: each row has two equally right columns."""
    once = torch.eye(pairs, dtype=torch.float64)
    twice = once.repeat(2, 1)
    return Twins(
        float(contrastive.clip_loss(twice, twice, logit_scale)),
        math.log(2),
        abs(float(contrastive.clip_loss(once, once, logit_scale))),
    )


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
    gradients = [torch.autograd.grad(loss, images)[0].flatten() for loss in losses[:2]]
    cosine = torch.nn.functional.cosine_similarity(*gradients, dim=0)
    whole, pieces, exact = (float(loss.detach()) for loss in losses)
    return MicroBatches(whole, pieces, exact, float(cosine))


class HardNegatives(NamedTuple):
    """How hard the negatives are that batches of several sizes hold, on emoji."""

    batches: tuple[int, ...]
    hardest_cosine: tuple[float, ...]
    hard_share: tuple[float, ...]
    loss: tuple[float, ...]


def hard_negatives(
    batches: Sequence[int] = (8, 16, 32, 64, 128, 256, 512, 1024), logit_scale: float = SCALE
) -> HardNegatives:
    """Mean cosine of the hardest negative, and how many queries meet one harder than their positive (C8).

    The N pairs are the first N of one shuffled list of held-out emoji, cut into disjoint batches, so every
    batch size sees the same pairs.
    """
    images, texts = emoji_features(max(batches))
    hardest, share, losses = [], [], []
    for batch in batches:
        cosines = [
            contrastive.cosine_similarity(i, t)
            for i, t in zip(images.split(batch), texts.split(batch), strict=True)
        ]
        negatives = torch.cat(
            [s.masked_fill(torch.eye(batch, dtype=torch.bool), -2).amax(1) for s in cosines]
        )
        positives = torch.cat([s.diagonal() for s in cosines])
        hardest.append(float(negatives.mean()))
        share.append(float((negatives > positives).double().mean()))
        losses.append(float(contrastive.mean_of_micro_batch_losses(images, texts, logit_scale, batch)))
    return HardNegatives(tuple(batches), tuple(hardest), tuple(share), tuple(losses))


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


class Retrieval(NamedTuple):
    """Recall among held-out emoji, at 1, 5 and 10."""

    images_to_texts: tuple[float, ...]
    noto_to_twemoji: tuple[float, ...]
    chance: tuple[float, ...]


def retrieval(pairs: int = 191, ks: Sequence[int] = (1, 5, 10)) -> Retrieval:
    """Find the name of an emoji's picture, and its drawing by another vendor, by cosine alone."""
    captioned, vendors = paired_features("noto", pairs), vendor_pairs(pairs)
    to_texts, to_twemoji = (
        tuple(float(contrastive.recall_at_k(_cosines(p.first, p.second), k)) for k in ks)
        for p in (captioned, vendors)
    )
    return Retrieval(to_texts, to_twemoji, tuple(k / pairs for k in ks))


class Confusions(NamedTuple):
    """Pictures whose nearest caption is that of another emoji, the surest mistakes first."""

    queries: list[int]
    names: tuple[str, ...]
    retrieved: tuple[tuple[str, ...], ...]


def confusions(pairs: int = 191, count: int = 6, depth: int = 4) -> Confusions:
    """The pictures for which a wrong caption beats the right one by most, and what was found for them."""
    captioned = paired_features("noto", pairs)
    cosines = _cosines(captioned.first, captioned.second)
    margin = cosines.amax(dim=1) - cosines.diagonal()
    wrong = margin.argsort(descending=True)[:count].tolist()
    return Confusions(
        [int(captioned.indices[i]) for i in wrong],
        tuple(captioned.names[i] for i in wrong),
        tuple(tuple(captioned.names[j] for j in cosines[i].topk(depth).indices.tolist()) for i in wrong),
    )


class ScaleSweep(NamedTuple):
    """The loss on one fixed set of emoji features, at several scales."""

    scales: tuple[float, ...]
    losses: tuple[float, ...]
    chance: float


def scale_sweep(pairs: int = 191, scales: Sequence[float] = (1, 2, 5, 10, 15, 20, 30, 50)) -> ScaleSweep:
    """The loss of fixed features depends on the scale: a U with chance at one end."""
    images, texts = emoji_features(pairs)
    losses = tuple(float(contrastive.clip_loss(images, texts, float(scale))) for scale in scales)
    return ScaleSweep(tuple(float(scale) for scale in scales), losses, math.log(pairs))


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
        x = _random(batch, 256, seed)
        y = x + _random(batch, 256, seed + 1)
        towers = [(0.1 * _random(256, 32, seed + i)).requires_grad_() for i in (2, 3)]
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


def emoji_features(pairs: int) -> tuple[Tensor, Tensor]:
    """Held-out Noto pictures and their captions in one space, as unit float64 features."""
    found = paired_features("noto", pairs)
    return torch.tensor(found.first).double(), torch.tensor(found.second).double()


def _cosines(first: object, second: object) -> Tensor:
    return contrastive.cosine_similarity(torch.as_tensor(first), torch.as_tensor(second))


def _random(batch: int, dim: int, seed: int) -> Tensor:
    return torch.randn(batch, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
