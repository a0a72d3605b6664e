"""What both models find for every held-out picture, for a reader to explore."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.contrastive import MiniClip
from course_lib.data import load_emoji
from course_lib.experiments.mini_clip.emoji import emoji_tensors
from course_lib.experiments.mini_clip.zero_shot import PROMPTS

#: Of the five prompts of each group, the one that stands alone: the plain word.
ONE_PROMPT = 1


class SearchBoard(NamedTuple):
    """What `course_lib.figures.explore_mini_clip` shows: see `course_lib.figures.Board`."""

    images: np.ndarray
    names: tuple[str, ...]
    candidates: tuple[str, ...]
    candidate_images: np.ndarray | None
    probabilities: np.ndarray
    right: np.ndarray


def boards(models: Mapping[str, MiniClip]) -> dict[str, dict[str, SearchBoard]]:
    """Four tasks, all models: what is found for each held-out emoji, and with which probability."""
    emoji = emoji_tensors()
    groups = tuple(PROMPTS)
    rows = np.array([row for row in emoji.held_out if emoji.pairs.groups[row] in groups])
    names = tuple(emoji.pairs.names[row] for row in rows)
    itself = np.arange(len(rows))
    group = np.array([groups.index(emoji.pairs.groups[row]) for row in rows])
    noto, twemoji = (load_emoji(vendor).images[rows] for vendor in ("noto", "twemoji"))
    bags = emoji.text_bags([prompt for prompts in PROMPTS.values() for prompt in prompts])
    found: dict[str, dict[str, SearchBoard]] = {}
    for model_name, model in models.items():
        known = contrastive.encode(model, emoji.noto[rows], emoji.bags[rows])
        other, prompts = contrastive.encode(model, emoji.twemoji[rows], bags)
        prompts = prompts.reshape(len(groups), -1, prompts.shape[1])
        one, many = (
            contrastive.zero_shot_classifier(some)
            for some in (prompts[:, ONE_PROMPT : ONE_PROMPT + 1], prompts)
        )
        tasks = {
            "its caption, drawn by Noto": (noto, names, noto, known.image_features, known.text_features),
            "its caption, drawn by Twemoji": (twemoji, names, noto, other, known.text_features),
            "its group, by one prompt": (noto, groups, None, known.image_features, one),
            "its group, by an ensemble of five": (noto, groups, None, known.image_features, many),
        }
        for task, (pictures, candidates, candidate_images, features, weights) in tasks.items():
            found.setdefault(task, {})[model_name] = SearchBoard(
                pictures,
                names,
                candidates,
                candidate_images,
                probabilities_of(model, features @ weights.T).numpy(),
                itself if candidates is names else group,
            )
    return found


class SharedMistakes(NamedTuple):
    """Held-out Noto pictures whose first caption is wrong: by each model, by both, with the same caption."""

    infonce: int
    siglip: int
    both: int
    same_answer: int
    pictures: int


def shared_mistakes() -> SharedMistakes:
    """Whether the two losses fail on the same pictures."""
    models = {str(loss): contrastive.load_mini_clip(loss) for loss in contrastive.LOSSES}
    one, other = boards(models)["its caption, drawn by Noto"].values()
    answers = one.probabilities.argmax(axis=1), other.probabilities.argmax(axis=1)
    wrong = answers[0] != one.right, answers[1] != other.right
    both = wrong[0] & wrong[1]
    alike = both & (answers[0] == answers[1])
    infonce, siglip = (int(which.sum()) for which in wrong)
    return SharedMistakes(infonce, siglip, int(both.sum()), int(alike.sum()), len(one.names))


@torch.no_grad()
def probabilities_of(model: MiniClip, similarity: Tensor) -> Tensor:
    """What the model's own loss makes of cosines: a softmax over each row, or a sigmoid of each entry."""
    logits = model.logit_scale() * similarity
    return logits.softmax(dim=1) if model.logit_bias is None else (logits + model.logit_bias).sigmoid()
