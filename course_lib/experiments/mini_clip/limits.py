"""What this model cannot do: word order, by construction; telling hours apart, by measurement."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from course_lib import contrastive
from course_lib.contrastive import Loss
from course_lib.experiments.mini_clip.emoji import emoji_tensors


class WordOrder(NamedTuple):
    """Two names of the same words in another order."""

    names: tuple[str, str]
    text_cosine: float  # of the names alone
    gap_of_images: tuple[float, float]  # cosine to one name minus cosine to the other, for both pictures


def word_order(loss: Loss = "infonce") -> WordOrder:
    """A bag of words cannot tell "right arrow curving left" from "left arrow curving right"."""
    emoji = emoji_tensors()
    names = ("right arrow curving left", "left arrow curving right")
    rows = [emoji.pairs.names.index(name) for name in names]
    features = contrastive.encode(
        contrastive.load_mini_clip(loss), emoji.noto[rows], emoji.text_bags(list(names))
    )
    texts = features.text_features
    cosines = features.image_features @ texts.T
    first, second = (cosines[:, 0] - cosines[:, 1]).tolist()
    return WordOrder(names, float(texts[0] @ texts[1]), (first, second))


class Family(NamedTuple):
    """R@1 within one family of emoji, drawn by the vendor that was not trained on."""

    size: int
    recall: float
    chance: float
    of_all: float  # share whose best caption among all 1,911 at least lies in the family


class Counting(NamedTuple):
    """The clock faces, and as many mammals to compare with."""

    clocks: Family
    mammals: Family


def counting(loss: Loss = "infonce", size: int = 24) -> Counting:
    """Whether the model reads the hour from 24 clock faces; 24 mammals show what it can tell apart."""
    pairs = emoji_tensors().pairs
    return Counting(
        _family(loss, lambda row: "o’clock" in pairs.names[row] or "-thirty" in pairs.names[row], size),
        _family(loss, lambda row: pairs.subgroups[row] == "animal-mammal", size),
    )


def _family(loss: Loss, belongs: Callable[[int], bool], size: int) -> Family:
    emoji = emoji_tensors()
    # Of the training emoji alone, so that both families are equally well known.
    known = [row for row in emoji.train.tolist() if belongs(row)]
    rows = known[:size]
    everyone = np.arange(len(emoji.pairs))
    features = contrastive.encode(contrastive.load_mini_clip(loss), emoji.twemoji[rows], emoji.bags[everyone])
    cosines = features.image_features @ features.text_features.T
    recall = contrastive.recall_at_k(cosines[:, rows], 1)
    inside = [belongs(row) for row in cosines.argmax(dim=1).tolist()]
    return Family(len(rows), float(recall), 1 / len(rows), sum(inside) / len(rows))
