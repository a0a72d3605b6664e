"""Zero-shot classification: to which of Unicode's groups does a picture belong?"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.contrastive import MiniClip
from course_lib.data import Vendor
from course_lib.experiments.mini_clip.emoji import EmojiTensors, emoji_tensors

#: One word for each group. The names of the groups will not do: "Objects" is a word that no caption holds.
ONE_WORD = {
    "Smileys & Emotion": "face",
    "People & Body": "person",
    "Animals & Nature": "animal",
    "Food & Drink": "food",
    "Travel & Places": "place",
    "Activities": "sport",
    "Objects": "tool",
    "Symbols": "symbol",
    "Flags": "flag",
}
GROUPS = tuple(ONE_WORD)


class ZeroShot(NamedTuple):
    """Accuracy on held-out emoji, by their groups."""

    one_word: float
    ensemble: float
    ensemble_not_renormalised: float
    largest_group: float  # accuracy of always naming it
    pictures: int


class PromptChoice(NamedTuple):
    """Accuracy of classifiers that each take one prompt of every class at random."""

    worst: float
    median: float
    best: float
    ensemble: float
    tried: int


def group_prompts() -> dict[str, tuple[str, ...]]:
    """The prompts of each group: the names of its Unicode subgroups, without words that no caption holds."""
    emoji = emoji_tensors()
    known = set(emoji.vocabulary.words)
    found: dict[str, dict[str, None]] = {group: {} for group in GROUPS}
    for group, subgroup in zip(emoji.pairs.groups, emoji.pairs.subgroups, strict=True):
        words = [word for word in re.findall(r"\w+", subgroup) if word in known]
        if group in found and words:
            found[group][" ".join(words)] = None
    return {group: tuple(prompts) for group, prompts in found.items()}


def group_of(emoji: EmojiTensors, rows: np.ndarray) -> tuple[np.ndarray, Tensor]:
    """The rows that belong to one of `GROUPS`, and the numbers of their groups."""
    kept = np.array([row for row in rows if emoji.pairs.groups[row] in GROUPS])
    return kept, torch.tensor([GROUPS.index(emoji.pairs.groups[row]) for row in kept])


@torch.no_grad()
def classifier(model: MiniClip, prompts: dict[str, tuple[str, ...]], *, renormalise: bool = True) -> Tensor:
    """A row for each class, from the model's features of its prompts."""
    rows = []
    for of_class in prompts.values():
        features = model.encode_text(emoji_tensors().text_bags(list(of_class)))
        rows.append(contrastive.zero_shot_classifier(features[None])[0] if renormalise else features.mean(0))
    return torch.stack(rows)


def zero_shot(model: MiniClip, vendor: Vendor = "noto") -> ZeroShot:
    """Name the group of every held-out picture: with one word for each class, and with an ensemble."""
    emoji = emoji_tensors()
    rows, truth = group_of(emoji, emoji.held_out)
    images = contrastive.encode(model, emoji.images(vendor)[rows], emoji.bags[:1]).image_features
    one = {group: (word,) for group, word in ONE_WORD.items()}
    many = group_prompts()
    return ZeroShot(
        _accuracy(images, classifier(model, one), truth),
        _accuracy(images, classifier(model, many), truth),
        _accuracy(images, classifier(model, many, renormalise=False), truth),
        float(truth.bincount().max()) / len(truth),
        len(truth),
    )


def prompt_choice(model: MiniClip, vendor: Vendor = "noto", tried: int = 200, seed: int = 0) -> PromptChoice:
    """How much the accuracy depends on which prompt stands for a class."""
    emoji = emoji_tensors()
    rows, truth = group_of(emoji, emoji.held_out)
    images = contrastive.encode(model, emoji.images(vendor)[rows], emoji.bags[:1]).image_features
    many = group_prompts()
    texts = [classifier(model, {prompt: (prompt,) for prompt in of_class}) for of_class in many.values()]
    rng = np.random.default_rng(seed)
    accuracies = sorted(
        _accuracy(images, torch.stack([rows[rng.integers(len(rows))] for rows in texts]), truth)
        for _ in range(tried)
    )
    ensemble = _accuracy(images, classifier(model, many), truth)
    return PromptChoice(accuracies[0], accuracies[tried // 2], accuracies[-1], ensemble, tried)


def _accuracy(images: Tensor, weights: Tensor, truth: Tensor) -> float:
    return float(contrastive.zero_shot_accuracy(images, weights, truth))
