"""The real features of lesson 02: emoji, held out and for training."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.data import paired_features
from course_lib.experiments.emoji_descriptors import HELD_OUT, Descriptors

WIDTH = 64


class Pairs(NamedTuple):
    """A batch: unit float64 features, row i of both is emoji i, and what the emoji are called."""

    images: Tensor
    texts: Tensor
    names: tuple[str, ...]


def unseen_pairs(pairs: int = HELD_OUT) -> Pairs:
    """Emoji that lesson 01's closed-form map was not fitted on."""
    found = paired_features("noto", pairs)
    return Pairs(torch.tensor(found.first).double(), torch.tensor(found.second).double(), found.names)


def distinct(given: Descriptors) -> Tensor:
    """Rows of the training pairs that have words, and share neither them nor the picture with another."""
    alone = torch.ones(len(given.train_images), dtype=torch.bool)
    for part in given[:2]:
        alone &= part.any(dim=1)
        unit = torch.nn.functional.normalize(part, dim=1)
        alone &= (unit @ unit.T).fill_diagonal_(-1).amax(dim=1) < 0.99
    return alone.nonzero().squeeze(1)
