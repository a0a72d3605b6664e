"""The emoji as the mini-CLIP takes them: tensors of pictures, bags of words, and who is held out."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_lib.contrastive import image_tensor
from course_lib.data import (
    EmojiPairs,
    Vendor,
    Vocabulary,
    build_vocabulary,
    captions,
    load_emoji,
    split_emoji,
    text_descriptors,
)

#: Groups whose pictures may be mirrored: no letters, digits, arrows, clock faces or flags in them.
MIRRORED = ("Smileys & Emotion", "People & Body", "Animals & Nature", "Food & Drink", "Activities")


class EmojiTensors(NamedTuple):
    """All 1,911 emoji of both vendors; row i of everything is one emoji."""

    pairs: EmojiPairs
    noto: Tensor
    twemoji: Tensor
    bags: Tensor
    may_flip: Tensor
    train: np.ndarray
    held_out: np.ndarray
    vocabulary: Vocabulary

    def images(self, vendor: Vendor) -> Tensor:
        """The pictures of one vendor, [1911, 3, 32, 32]."""
        return self.noto if vendor == "noto" else self.twemoji

    def text_bags(self, texts: list[str]) -> Tensor:
        """Bags of any texts, over the words of the training captions."""
        return torch.tensor(text_descriptors(texts, self.vocabulary)).float()


@lru_cache(maxsize=1)
def emoji_tensors() -> EmojiTensors:
    """Load both vendors and the words of the training captions; captions hold name and tags."""
    noto = load_emoji("noto")
    split = split_emoji(noto)
    texts = captions(noto, with_tags=True)
    vocabulary = training_words(noto.take(split.train))
    # Four hands, "leftwards" and "rightwards", slip through. They did when the recorded models and studies
    # were trained, so they stay until those are made anew.
    directed = [{"left", "right"} & set(name.replace("-", " ").split()) for name in noto.names]
    may_flip = [group in MIRRORED and not words for group, words in zip(noto.groups, directed, strict=True)]
    return EmojiTensors(
        pairs=noto,
        noto=image_tensor(noto.images),
        twemoji=image_tensor(load_emoji("twemoji").images),
        bags=torch.tensor(text_descriptors(texts, vocabulary)).float(),
        may_flip=torch.tensor(may_flip),
        train=split.train,
        held_out=split.held_out,
        vocabulary=vocabulary,
    )


def training_words(pairs: EmojiPairs) -> Vocabulary:
    """The words of names, and of tags those that two captions share.

    A word of one tag alone ties nothing together. A word of one name alone does not either, but without
    "Norway" all flags would have the same caption.
    """
    texts = captions(pairs, with_tags=True)
    every = build_vocabulary(texts, min_count=1)
    chosen = {*build_vocabulary(texts).words, *build_vocabulary(captions(pairs), min_count=1).words}
    kept = [index for index, word in enumerate(every.words) if word in chosen]
    return Vocabulary(tuple(every.words[index] for index in kept), every.idf[kept])
