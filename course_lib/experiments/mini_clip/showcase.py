"""Pictures with what a model finds for them: galleries of hits and mistakes, and boards to explore."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.contrastive import MiniClip
from course_lib.data import Vendor, load_emoji
from course_lib.experiments.mini_clip.emoji import emoji_tensors
from course_lib.experiments.mini_clip.evaluation import similarity_of
from course_lib.experiments.mini_clip.zero_shot import GROUPS, ONE_WORD, classifier, group_of, group_prompts


class Gallery(NamedTuple):
    """Query pictures, what they are, and the captions found for them, the most similar first."""

    images: np.ndarray
    names: tuple[str, ...]
    retrieved: tuple[tuple[str, ...], ...]


def gallery(
    model: MiniClip, vendor: Vendor = "noto", *, right: bool, count: int = 6, depth: int = 4
) -> Gallery:
    """Held-out pictures that find their caption first by the largest margin, or miss it by the largest."""
    emoji = emoji_tensors()
    rows = emoji.held_out
    similarity = similarity_of(model, emoji, vendor, rows)
    wrong = similarity.masked_fill(torch.eye(len(rows), dtype=torch.bool), -2).amax(dim=1)
    margin = similarity.diagonal() - wrong
    order = margin.argsort(descending=right)[:count].tolist()
    names = [emoji.pairs.names[row] for row in rows]
    return Gallery(
        load_emoji(vendor).images[rows[order]],
        tuple(names[i] for i in order),
        tuple(tuple(names[j] for j in similarity[i].topk(depth).indices.tolist()) for i in order),
    )


class SearchBoard(NamedTuple):
    """What `course_lib.figures.explore_mini_clip` shows: see `course_lib.figures.Board`."""

    images: np.ndarray
    names: tuple[str, ...]
    candidates: tuple[str, ...]
    candidate_images: np.ndarray | None
    probabilities: np.ndarray
    right: np.ndarray


def boards(models: Mapping[str, MiniClip]) -> dict[str, dict[str, SearchBoard]]:
    """All held-out emoji, four tasks, all models: what is found, with probabilities at the learned scale."""
    emoji = emoji_tensors()
    rows, truth = group_of(emoji, emoji.held_out)
    names = tuple(emoji.pairs.names[row] for row in rows)
    drawn = {vendor: load_emoji(vendor).images[rows] for vendor in ("noto", "twemoji")}
    words = {group: (word,) for group, word in ONE_WORD.items()}
    found: dict[str, dict[str, SearchBoard]] = {}
    for model_name, model in models.items():
        features = {v: contrastive.encode(model, emoji.images(v)[rows], emoji.bags[rows]) for v in drawn}
        texts = features["noto"].text_features
        tasks = (
            ("its caption, drawn by Noto", "noto", texts, names, drawn["noto"], torch.arange(len(rows))),
            (
                "its caption, drawn by Twemoji",
                "twemoji",
                texts,
                names,
                drawn["noto"],
                torch.arange(len(rows)),
            ),
            ("its group, by one word", "noto", classifier(model, words), GROUPS, None, truth),
            ("its group, by an ensemble", "noto", classifier(model, group_prompts()), GROUPS, None, truth),
        )
        for task, vendor, weights, candidates, pictures, right in tasks:
            probabilities = probabilities_of(model, features[vendor].image_features @ weights.T)
            found.setdefault(task, {})[model_name] = SearchBoard(
                drawn[vendor], names, candidates, pictures, probabilities.numpy(), right.numpy()
            )
    return found


@torch.no_grad()
def probabilities_of(model: MiniClip, similarity: Tensor) -> Tensor:
    """What the model's own loss makes of cosines: a softmax over each row, or a sigmoid of each entry."""
    logits = model.logit_scale() * similarity
    return logits.softmax(dim=1) if model.logit_bias is None else (logits + model.logit_bias).sigmoid()
