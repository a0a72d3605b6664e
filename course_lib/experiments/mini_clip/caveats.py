"""Small demonstrations of what contrastive models cannot do, or do for the wrong reason."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from course_lib import contrastive
from course_lib.contrastive import MiniClip
from course_lib.data import Vendor, load_emoji, same_picture
from course_lib.experiments.mini_clip.emoji import emoji_tensors
from course_lib.experiments.mini_clip.evaluation import similarity_of
from course_lib.experiments.mini_clip.showcase import probabilities_of

HOURS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
#: The 24 clock faces, all of one drawing but for their hands.
CLOCKS = tuple(f"{hour} o’clock" for hour in HOURS) + tuple(f"{hour}-thirty" for hour in HOURS)


def word_order(model: MiniClip, one: str = "dog chasing cat", other: str = "cat chasing dog") -> float:
    """The cosine of two captions made of the same words."""
    features = model.encode_text(emoji_tensors().text_bags([one, other])).detach()
    return float(features[0] @ features[1])


class Clocks(NamedTuple):
    """Which of the 24 clock faces is it? And is it a clock at all?"""

    time_right: float
    clock_right: float
    chance: float
    trained: int


def clock_faces(model: MiniClip, vendor: Vendor = "twemoji") -> Clocks:
    """Read the time off drawings that differ in nothing but their hands."""
    emoji = emoji_tensors()
    clocks = np.array([emoji.pairs.names.index(name) for name in CLOCKS])
    rows = np.concatenate([clocks, np.setdiff1d(np.arange(len(emoji.pairs)), clocks)])
    similarity = similarity_of(model, emoji, vendor, rows)[: len(clocks)]
    among_clocks = similarity[:, : len(clocks)].argmax(dim=1) == torch.arange(len(clocks))
    is_clock = similarity.argmax(dim=1) < len(clocks)
    return Clocks(
        float(among_clocks.double().mean()),
        float(is_clock.double().mean()),
        1 / len(clocks),
        int(np.isin(clocks, emoji.train).sum()),
    )


class Calibration(NamedTuple):
    """How sure a model is of its first choice among 191 captions, and how often it is right."""

    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    of: tuple[str, ...]


def calibration(model: MiniClip) -> Calibration:
    """Confidence at the learned scale against accuracy: on trained drawings, and on what is new."""
    from course_lib.experiments.mini_clip.live import sample

    emoji = emoji_tensors()
    sets = {
        "trained": ("noto", sample()),
        "other vendor": ("twemoji", sample()),
        "held out": ("noto", emoji.held_out),
    }
    confidences, accuracies = [], []
    for vendor, rows in sets.values():
        best = probabilities_of(model, similarity_of(model, emoji, vendor, rows)).max(dim=1)
        confidences.append(float(best.values.mean()))
        accuracies.append(float((best.indices == torch.arange(len(rows))).double().mean()))
    return Calibration(tuple(confidences), tuple(accuracies), tuple(sets))


class Lenient(NamedTuple):
    """Recall at 1 of the other vendor's drawings of trained emoji, as labelled and as seen."""

    labelled: float
    any_right_caption: float
    pictures: int
    different: int


def false_negatives(model: MiniClip, vendor: Vendor = "twemoji") -> Lenient:
    """Count a caption as right if it belongs to a picture that is the same to the pixel."""
    emoji = emoji_tensors()
    rows = emoji.train
    best = similarity_of(model, emoji, vendor, rows).argmax(dim=1).numpy()
    picture = same_picture(load_emoji(vendor))[rows]
    return Lenient(
        float((best == np.arange(len(rows))).mean()),
        float((picture[best] == picture).mean()),
        len(rows),
        len(np.unique(picture)),
    )


class Gap(NamedTuple):
    """The modality gap on held-out emoji, beside what sampling alone would give, and mean cosines."""

    gap: float
    by_chance: float
    pair_cosine: float
    image_cosine: float  # of two different images


def gap(model: MiniClip, vendor: Vendor = "noto", shuffles: int = 20) -> Gap:
    """Measure the gap, and the same after images and texts have been dealt into two mixed heaps."""
    emoji = emoji_tensors()
    images, texts = contrastive.encode(
        model, emoji.images(vendor)[emoji.held_out], emoji.bags[emoji.held_out]
    )
    count, both = len(images), torch.cat([images, texts])
    generator = torch.Generator().manual_seed(0)
    mixed = [both[torch.randperm(2 * count, generator=generator)] for _ in range(shuffles)]
    by_chance = sum(float(contrastive.modality_gap(m[:count], m[count:])) for m in mixed) / shuffles
    between = images @ images.T
    return Gap(
        float(contrastive.modality_gap(images, texts)),
        by_chance,
        float((images * texts).sum(dim=1).mean()),
        float((between.sum() - between.diagonal().sum()) / (count * (count - 1))),
    )
