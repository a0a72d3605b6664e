"""Which negatives are pushed: the hardest ones, and among them those that are not negatives at all (C11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from course_lib import contrastive
from course_lib.data import load_emoji, same_picture, vendor_pairs
from course_lib.experiments.temperature.features import unseen_pairs

TEMPERATURES = (1.0, 0.3, 0.1, 0.07, 0.03, 0.01)


class Concentration(NamedTuple):
    """Shares of the push on negatives, averaged over rows, one number per temperature."""

    temperatures: tuple[float, ...]
    hardest: tuple[float, ...]
    hardest_tenth: tuple[float, ...]
    uniform: float
    effective: tuple[float, ...]
    gradient_matches: float


def concentration(temperatures: Sequence[float] = TEMPERATURES) -> Concentration:
    """How much of a row's push on its negatives goes to the hardest one, and to the hardest tenth.

    ``gradient_matches`` is the largest difference, over temperatures, between these weights and those of the
    gradient that autograd finds at the logits of the image-to-text loss.
    """
    images, texts, _ = unseen_pairs()
    cosines = images @ texts.T
    negatives = len(cosines) - 1
    hardest, tenth, effective, errors = [], [], [], []
    for temperature in temperatures:
        weights = contrastive.hardness_weights(cosines, temperature)
        ordered = weights.sort(dim=1, descending=True).values
        hardest.append(float(ordered[:, 0].mean()))
        tenth.append(float(ordered[:, : negatives // 10].sum(dim=1).mean()))
        effective.append(float(contrastive.effective_negatives(cosines, temperature).mean()))
        logits = (cosines / temperature).requires_grad_()
        loss = torch.nn.functional.cross_entropy(logits, torch.arange(len(logits)))
        (grad,) = torch.autograd.grad(loss, logits)
        push = grad.fill_diagonal_(0)
        errors.append(float((push / push.sum(dim=1, keepdim=True) - weights).abs().max()))
    return Concentration(
        tuple(temperatures), tuple(hardest), tuple(tenth), 1 / negatives, tuple(effective), max(errors)
    )


class FalseNegatives(NamedTuple):
    """What pictures that equal the right one to the pixel receive of the push on negatives."""

    temperatures: tuple[float, ...]
    twin_share: tuple[float, ...]
    uniform: float
    queries: int


def false_negatives(temperatures: Sequence[float] = TEMPERATURES) -> FalseNegatives:
    """Among all 1,911 emoji: the share of a row's push that its twins get.

    Each query is an emoji as Twemoji draws it, the candidates are Noto's drawings. Where Noto draws several
    emoji alike, the right candidate has twins that no model can tell from it, and the loss calls them
    negatives.
    """
    emoji = load_emoji("noto")
    pairs = vendor_pairs(len(emoji))
    group = torch.as_tensor(same_picture(emoji))[torch.as_tensor(pairs.indices)]
    twins = (group[:, None] == group[None, :]).fill_diagonal_(False)
    queries = twins.any(dim=1).nonzero().squeeze(1)
    similarity = contrastive.cosine_similarity(torch.tensor(pairs.second), torch.tensor(pairs.first))
    shares = [
        float((contrastive.hardness_weights(similarity, t) * twins).sum(dim=1)[queries].mean())
        for t in temperatures
    ]
    uniform = float(twins[queries].double().sum(dim=1).mean()) / (len(emoji) - 1)
    return FalseNegatives(tuple(temperatures), tuple(shares), uniform, len(queries))
