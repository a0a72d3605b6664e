"""Retrieval with the shipped weights: what was trained on, the other vendor's drawings, what is new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from course_lib import contrastive
from course_lib.contrastive import Loss
from course_lib.data import Vendor
from course_lib.experiments.mini_clip.emoji import emoji_tensors
from course_lib.experiments.mini_clip.evaluation import evaluate


class Retrieval(NamedTuple):
    """R@1 of a shipped model, mean of both directions, and what guessing would give."""

    train: float
    other_vendor: float
    held_out: float
    held_out_other_vendor: float
    chance_train: float
    chance_held_out: float


def retrieval(loss: Loss = "infonce", augmented: bool = True) -> Retrieval:
    """Recall among 1,720 training emoji and among 191 held-out ones, by either vendor.

    The vendor that was not trained on is a shift of domain: the emoji and their captions are known. Only
    held-out emoji are zero-shot.
    """
    emoji = emoji_tensors()
    found = evaluate(contrastive.load_mini_clip(loss, augmented=augmented))
    return Retrieval(
        found.train_r1,
        found.other_r1,
        found.held_out_r1,
        found.held_out_other_r1,
        1 / len(emoji.train),
        1 / len(emoji.held_out),
    )


class Directions(NamedTuple):
    """`contrastive.retrieval_report` for held-out emoji, as plain numbers."""

    ks: tuple[int, ...]
    image_to_text: tuple[float, ...]
    text_to_image: tuple[float, ...]
    image_to_text_median_rank: float
    text_to_image_median_rank: float
    chance: tuple[float, ...]


def directions(loss: Loss = "infonce", vendor: Vendor = "noto", ks: Sequence[int] = (1, 5, 10)) -> Directions:
    """Both directions of retrieval among the 191 held-out emoji."""
    emoji = emoji_tensors()
    rows = emoji.held_out
    features = contrastive.encode(
        contrastive.load_mini_clip(loss), emoji.images(vendor)[rows], emoji.bags[rows]
    )
    report = contrastive.retrieval_report(*features, ks=ks)
    return Directions(
        tuple(ks),
        tuple(report.image_to_text_recall.tolist()),
        tuple(report.text_to_image_recall.tolist()),
        float(report.image_to_text_median_rank),
        float(report.text_to_image_median_rank),
        tuple(k / len(rows) for k in ks),
    )


class Gallery(NamedTuple):
    """Texts, and the pictures found for them, best first; row numbers are those of `load_emoji`."""

    vendor: Vendor
    queries: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]
    names: tuple[tuple[str, ...], ...]
    held_out: tuple[tuple[bool, ...], ...]


QUERIES = ("red heart", "bird", "green vegetable", "happy cat", "yellow vehicle", "sad face", "blue flag")


def gallery(
    queries: Sequence[str] = QUERIES, loss: Loss = "infonce", vendor: Vendor = "twemoji", depth: int = 6
) -> Gallery:
    """Look for free text among all 1,911 pictures of a vendor; by default the one that was not trained on."""
    emoji = emoji_tensors()
    model = contrastive.load_mini_clip(loss)
    features = contrastive.encode(model, emoji.images(vendor), emoji.text_bags(list(queries)))
    found = (features.text_features @ features.image_features.T).topk(depth, dim=1).indices.tolist()
    new = set(emoji.held_out.tolist())
    return Gallery(
        vendor,
        tuple(queries),
        tuple(tuple(row) for row in found),
        tuple(tuple(emoji.pairs.names[i] for i in row) for row in found),
        tuple(tuple(i in new for i in row) for row in found),
    )


class Captioned(NamedTuple):
    """Held-out pictures and the captions found for them, best first."""

    vendor: Vendor
    rows: tuple[int, ...]
    names: tuple[str, ...]
    retrieved: tuple[tuple[str, ...], ...]
    ranks: tuple[int, ...]


def captioned(
    loss: Loss = "infonce", vendor: Vendor = "noto", count: int = 6, depth: int = 4, *, surest: bool = False
) -> Captioned:
    """Captions found for held-out pictures: a spread of right and wrong ones, or the surest mistakes.

    Candidates are the 191 held-out names. By default the pictures are those at the quantiles of rank, from
    best to worst; with ``surest`` those for which a wrong caption beats the right one by most.
    """
    emoji = emoji_tensors()
    rows = emoji.held_out
    features = contrastive.encode(
        contrastive.load_mini_clip(loss), emoji.images(vendor)[rows], emoji.bags[rows]
    )
    similarity = features.image_features @ features.text_features.T
    right = similarity.diagonal()[:, None]
    ranks = (similarity >= right).sum(dim=1)
    if surest:
        chosen = (similarity - right).amax(dim=1).argsort(descending=True, stable=True)[:count]
    else:
        order = ranks.argsort(stable=True)
        chosen = order[torch.linspace(0, len(order) - 1, count).long()]
    names = [emoji.pairs.names[row] for row in rows]
    best = similarity[chosen].topk(depth, dim=1).indices.tolist()
    return Captioned(
        vendor,
        tuple(int(rows[i]) for i in chosen.tolist()),
        tuple(names[i] for i in chosen.tolist()),
        tuple(tuple(names[j] for j in line) for line in best),
        tuple(ranks[chosen].tolist()),
    )


class Memorisation(NamedTuple):
    """The same recipe with and without augmentation: R@1."""

    augmented_train: float
    augmented_other_vendor: float
    augmented_held_out: float
    plain_train: float
    plain_other_vendor: float
    plain_held_out: float


def memorisation() -> Memorisation:
    """Compare the shipped InfoNCE model with one that saw every picture and caption unchanged."""
    augmented, plain = retrieval("infonce"), retrieval("infonce", augmented=False)
    return Memorisation(*augmented[:3], *plain[:3])
