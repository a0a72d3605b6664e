"""Zero-shot classification of held-out emoji into Unicode's groups, by words alone."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.contrastive import Loss, MiniClip
from course_lib.data import Vendor
from course_lib.experiments.mini_clip.emoji import emoji_tensors

#: Five ways to say each group. Column k of all of them is "prompt k". Unicode's ninth of ten groups,
#: "Component", holds five skin-tone swatches, and is left out.
PROMPTS: dict[str, tuple[str, ...]] = {
    "Smileys & Emotion": (
        "smileys emotion",
        "a face",
        "smiling face",
        "sad or happy face",
        "love and hearts",
    ),
    "People & Body": ("people body", "a person", "man or woman", "hand gesture", "person at work"),
    "Animals & Nature": ("animals nature", "an animal", "bird or fish", "plant and flower", "wild creature"),
    "Food & Drink": ("food drink", "food", "fruit or vegetable", "a drink", "eat a dish"),
    "Travel & Places": ("travel places", "a place", "vehicle or building", "city and sky", "travel by train"),
    "Activities": ("activities", "a sport", "game or ball", "celebration and party", "play music"),
    "Objects": ("objects", "a tool", "clothes or instrument", "office and phone", "book or computer"),
    "Symbols": ("symbols", "a symbol", "sign or arrow", "button and zodiac", "square or letter"),
    "Flags": ("flags", "a flag", "flag or territory", "country and flag", "national flag"),
}
#: Around the name of a subgroup.
TEMPLATES = ("{}", "picture of a {}", "a {} sign", "the {} symbol", "one {}")


class ZeroShot(NamedTuple):
    """Accuracy among held-out emoji, from 0 to 1."""

    classes: int
    images: int
    single: tuple[float, ...]  # one for each prompt
    single_mean: float
    single_spread: float  # best minus worst prompt
    ensemble: float
    largest_class: float  # what always answering the commonest class would give


def zero_shot(level: str = "group", loss: Loss = "infonce", vendor: Vendor = "noto") -> ZeroShot:
    """Classify held-out emoji into nine groups or the subgroups that occur, by one prompt and by five."""
    model = contrastive.load_mini_clip(loss)
    images, labels, prompts = _task(level, vendor)
    features, embeddings = _features(model, images, prompts)

    def accuracy(columns: Tensor) -> float:
        classifier = contrastive.zero_shot_classifier(columns)
        return float(contrastive.zero_shot_accuracy(features, classifier, labels))

    single = tuple(accuracy(embeddings[:, [k]]) for k in range(embeddings.shape[1]))
    return ZeroShot(
        len(prompts),
        len(labels),
        single,
        statistics.mean(single),
        max(single) - min(single),
        accuracy(embeddings),
        float(labels.bincount().max()) / len(labels),
    )


class Confusion(NamedTuple):
    """Counts of held-out emoji: rows are the group they belong to, columns the answer."""

    groups: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def group_confusion(loss: Loss = "infonce", vendor: Vendor = "noto") -> Confusion:
    """Which groups the prompt ensemble takes for which."""
    images, labels, prompts = _task("group", vendor)
    features, embeddings = _features(contrastive.load_mini_clip(loss), images, prompts)
    answers = (features @ contrastive.zero_shot_classifier(embeddings).T).argmax(dim=1)
    size = len(prompts)
    counts = torch.bincount(labels * size + answers, minlength=size**2).reshape(size, size)
    return Confusion(tuple(PROMPTS), tuple(tuple(row) for row in counts.tolist()))


class Calibration(NamedTuple):
    """Whether the classifier's probabilities can be taken at their word."""

    accuracy: float
    confidence: float  # mean probability of its own answers, at the learned scale
    error: float  # expected calibration error
    learned_scale: float
    best_scale: float  # of those tried, the one with the smallest error; the answers are the same
    best_error: float


SCALES = (1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0)


def calibration(
    loss: Loss = "infonce", vendor: Vendor = "noto", scales: Sequence[float] = SCALES, bins: int = 10
) -> Calibration:
    """Expected calibration error of the group classifier at the learned scale and at others."""
    model = contrastive.load_mini_clip(loss)
    images, labels, prompts = _task("group", vendor)
    features, embeddings = _features(model, images, prompts)
    classifier = contrastive.zero_shot_classifier(embeddings)

    def at(scale: float) -> tuple[Tensor, Tensor, float]:
        confidence, answers = contrastive.zero_shot_probabilities(features, classifier, scale).max(dim=1)
        correct = answers == labels
        # A sum of float32 probabilities may exceed 1 by a rounding error.
        error = contrastive.expected_calibration_error(confidence.clamp(max=1), correct, bins)
        return confidence, correct, float(error)

    learned = float(model.logit_scale().detach())
    confidence, correct, error = at(learned)
    best = min(scales, key=lambda scale: at(scale)[2])
    return Calibration(
        float(correct.float().mean()), float(confidence.mean()), error, learned, float(best), at(best)[2]
    )


def _task(level: str, vendor: Vendor) -> tuple[Tensor, Tensor, list[tuple[str, ...]]]:
    """Held-out pictures, the row of each one's class, and every class's prompts."""
    emoji = emoji_tensors()
    if level == "group":
        prompts, class_of = dict(PROMPTS), emoji.pairs.groups
    elif level == "subgroup":
        class_of = emoji.pairs.subgroups
        names = sorted({class_of[row] for row in emoji.held_out} - {"skin-tone"})
        prompts = {n: tuple(t.format(n.replace("-", " ")) for t in TEMPLATES) for n in names}
    else:
        raise ValueError(f"level must be 'group' or 'subgroup', got {level!r}.")
    order = {name: index for index, name in enumerate(prompts)}
    rows = [row for row in emoji.held_out.tolist() if class_of[row] in order]
    labels = torch.tensor([order[class_of[row]] for row in rows])
    return emoji.images(vendor)[rows], labels, list(prompts.values())


def _features(model: MiniClip, images: Tensor, prompts: list[tuple[str, ...]]) -> tuple[Tensor, Tensor]:
    """Image features, and prompt features [classes, prompts, dim]."""
    bags = emoji_tensors().text_bags([text for texts in prompts for text in texts])
    features = contrastive.encode(model, images, bags)
    return features.image_features, features.text_features.reshape(len(prompts), -1, model.dim)
