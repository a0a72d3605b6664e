"""The real features of lesson 02: emoji, held out and for training."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.data import (
    build_vocabulary,
    captions,
    image_descriptors,
    load_emoji,
    paired_features,
    split_emoji,
    text_descriptors,
)

HELD_OUT = 191  # emoji that nothing is fitted on
WIDTH = 64


class Descriptors(NamedTuple):
    """Fixed descriptions of pictures (colours, edges) and captions (words), float32, split by emoji."""

    train_images: Tensor
    train_texts: Tensor
    held_out_images: Tensor
    held_out_texts: Tensor
    train_names: tuple[str, ...]


class Pairs(NamedTuple):
    """A batch: unit float64 features, row i of both is emoji i, and what the emoji are called."""

    images: Tensor
    texts: Tensor
    names: tuple[str, ...]


def unseen_pairs(pairs: int = HELD_OUT) -> Pairs:
    """Emoji that lesson 01's closed-form map was not fitted on."""
    found = paired_features("noto", pairs)
    return Pairs(torch.tensor(found.first).double(), torch.tensor(found.second).double(), found.names)


@lru_cache(maxsize=1)
def descriptors() -> Descriptors:
    """Descriptors of all Noto emoji; vocabulary and centre come from the training part alone."""
    emoji = load_emoji("noto")
    split = split_emoji(emoji, HELD_OUT, 0)
    texts = captions(emoji, with_tags=True)
    vocabulary = build_vocabulary([texts[row] for row in split.train])
    pictures = torch.tensor(image_descriptors(emoji.images, centre_on=emoji.images[split.train])).float()
    words = torch.tensor(text_descriptors(texts, vocabulary)).float()
    train, held_out = (torch.as_tensor(rows) for rows in (split.train, split.held_out))
    return Descriptors(
        pictures[train],
        words[train],
        pictures[held_out],
        words[held_out],
        tuple(emoji.names[row] for row in split.train),
    )


def distinct(given: Descriptors) -> Tensor:
    """Rows of the training pairs that have words, and share neither them nor the picture with another."""
    alone = torch.ones(len(given.train_images), dtype=torch.bool)
    for part in given[:2]:
        alone &= part.any(dim=1)
        unit = torch.nn.functional.normalize(part, dim=1)
        alone &= (unit @ unit.T).fill_diagonal_(-1).amax(dim=1) < 0.99
    return alone.nonzero().squeeze(1)
