"""False negatives in the test set: captions that fit a picture and count as wrong."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from course_lib import contrastive
from course_lib.contrastive import Loss
from course_lib.data import Vendor, load_emoji, same_picture
from course_lib.experiments.mini_clip.emoji import emoji_tensors


class Repeated(NamedTuple):
    """Recall at 1 from picture to caption, on trained emoji, as labelled and as seen."""

    labelled: float
    any_right_caption: float
    pictures: int
    repeating: int  # pictures that are another one's, to the pixel


def false_negatives(loss: Loss = "infonce", vendor: Vendor = "twemoji") -> Repeated:
    """Count a caption as right, too, if it belongs to a picture that is the same to the pixel."""
    emoji = emoji_tensors()
    rows = emoji.train
    features = contrastive.encode(
        contrastive.load_mini_clip(loss), emoji.images(vendor)[rows], emoji.bags[rows]
    )
    best = (features.image_features @ features.text_features.T).argmax(dim=1).numpy()
    picture = same_picture(load_emoji(vendor))[rows]
    return Repeated(
        float((best == np.arange(len(rows))).mean()),
        float((picture[best] == picture).mean()),
        len(rows),
        len(rows) - len(np.unique(picture)),
    )
