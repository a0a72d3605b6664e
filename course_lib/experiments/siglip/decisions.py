"""A decision about a pair, and a ranking of candidates: what happens when the right caption is missing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.data import load_emoji
from course_lib.experiments.emoji_descriptors import descriptors
from course_lib.experiments.siglip.training import infonce, train

NEVER = -1e4  # the logit of a candidate that is not on the list


@lru_cache(maxsize=2)
def trained_logits(sigmoid: bool, seed: int = 0) -> Tensor:
    """Logits [191, 191] of held-out pairs, from maps trained with the sigmoid loss or with InfoNCE."""
    loss_of = contrastive.siglip_loss if sigmoid else infonce
    bias = contrastive.initial_bias(128) if sigmoid else 0.0
    return train(loss_of, bias, batch=128, steps=300, seed=seed).held_out_logits()


class NoMatch(NamedTuple):
    """Held-out pictures, first with their own caption among the candidates, then without it."""

    pictures: int
    recall: tuple[float, float]
    sure_with: tuple[float, float]
    right_if_sure: tuple[float, float]
    sure_without: tuple[float, float]
    area: tuple[float, float]


def no_match(threshold: float = 0.5, seed: int = 0) -> NoMatch:
    """Take the right caption away: can the model say "none of these"? Pairs are (softmax, sigmoid).

    "Sure" means that the best candidate's probability reaches the threshold. The area under the curve asks
    how well that probability tells pictures whose caption is there from those whose caption is not: 0.5 is a
    coin, and it needs no threshold.
    """
    both = []
    for sigmoid in (False, True):
        logits = trained_logits(sigmoid, seed)
        top, without = (_top(x, sigmoid) for x in (logits, _without_own(logits)))
        hits = logits.argmax(dim=1) == torch.arange(len(logits))
        sure = top >= threshold
        both.append(
            (
                float(contrastive.recall_at_k(logits, 1)),
                _share(sure),
                _share(hits[sure]) if sure.any() else 0.0,
                _share(without >= threshold),
                _share(top[:, None] > without[None]),
            )
        )
    return NoMatch(len(descriptors().held_out_rows), *zip(*both, strict=True))


class ListLength(NamedTuple):
    """How often a *wrong* caption gets a probability of at least one half, for lists of several lengths."""

    lengths: tuple[int, ...]
    softmax: tuple[float, ...]
    sigmoid: tuple[float, ...]


def list_length(
    lengths: Sequence[int] = (1, 2, 10, 190), threshold: float = 0.5, seed: int = 0
) -> ListLength:
    """Offer each held-out picture only wrong captions, and vary how many: the model stays the same."""
    shares = []
    for sigmoid in (False, True):
        logits = trained_logits(sigmoid, seed)
        pictures = len(logits)
        # The candidates of picture i are the captions after its own, going round.
        wrong = (torch.arange(pictures)[:, None] + torch.arange(1, pictures)[None]) % pictures
        rows = logits.gather(1, wrong)
        shares.append(tuple(_share(_top(rows[:, :length], sigmoid) >= threshold) for length in lengths))
    return ListLength(tuple(lengths), *shares)


class Offered(NamedTuple):
    """Pictures whose own caption was taken away, and what is offered instead."""

    rows: list[int]
    names: tuple[str, ...]
    offered: tuple[str, ...]
    softmax: tuple[float, ...]
    sigmoid_offered: tuple[str, ...]
    sigmoid: tuple[float, ...]


def offered_instead(count: int = 8, seed: int = 0) -> Offered:
    """The pictures whose softmax is surest of a wrong caption, and the sigmoid's own best wrong caption."""
    names, rows = load_emoji("noto").names, descriptors().held_out_rows
    softmax, sigmoid = (_without_own(trained_logits(kind, seed)) for kind in (False, True))
    surest = _top(softmax, False).argsort(descending=True)[:count].tolist()
    return Offered(
        [rows[i] for i in surest],
        tuple(names[rows[i]] for i in surest),
        tuple(names[rows[int(softmax[i].argmax())]] for i in surest),
        tuple(float(_top(softmax, False)[i]) for i in surest),
        tuple(names[rows[int(sigmoid[i].argmax())]] for i in surest),
        tuple(float(_top(sigmoid, True)[i]) for i in surest),
    )


def _top(logits: Tensor, sigmoid: bool) -> Tensor:
    """The best candidate's probability in each row."""
    return torch.sigmoid(logits.amax(dim=1)) if sigmoid else logits.softmax(dim=1).amax(dim=1)


def _without_own(logits: Tensor) -> Tensor:
    return logits.masked_fill(torch.eye(len(logits), dtype=torch.bool), NEVER)


def _share(which: Tensor) -> float:
    return float(which.double().mean())
