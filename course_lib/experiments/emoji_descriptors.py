"""What the small trainings of lessons 02 and 03 start from: emoji and captions, described, not yet mapped."""

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
    split_emoji,
    text_descriptors,
)

HELD_OUT = 191  # emoji that nothing is fitted on


class Descriptors(NamedTuple):
    """Fixed descriptions of pictures (colours, edges) and captions (words), float32, split by emoji."""

    train_images: Tensor
    train_texts: Tensor
    held_out_images: Tensor
    held_out_texts: Tensor
    train_names: tuple[str, ...]
    held_out_rows: tuple[int, ...]


@lru_cache(maxsize=1)
def descriptors() -> Descriptors:
    """Descriptors of all Noto emoji; vocabulary and centre come from the training part alone."""
    emoji = load_emoji("noto")
    train, held_out = split_emoji(emoji, HELD_OUT)
    words = captions(emoji, with_tags=True)
    vocabulary = build_vocabulary([words[row] for row in train])
    images = image_descriptors(emoji.images, centre_on=emoji.images[train])
    texts = text_descriptors(words, vocabulary)
    return Descriptors(
        torch.tensor(images[train]).float(),
        torch.tensor(texts[train]).float(),
        torch.tensor(images[held_out]).float(),
        torch.tensor(texts[held_out]).float(),
        tuple(emoji.names[row] for row in train),
        tuple(held_out.tolist()),
    )
