"""Retrieval in both directions: how often, and how far down."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from autograder.exercises.ingredients import unit_rows
from course_lib import contrastive

Report = tuple[Tensor, Tensor, Tensor, Tensor]


def _features(size: int, dim: int, ks: list[int]) -> CaseSpec:
    def make(rng: Generator) -> dict[str, Any]:
        images = unit_rows(rng, size, dim)
        texts = images + 1.2 * unit_rows(rng, size, dim)
        texts[0] = images.sum(axis=0)  # a text that many images like: the two directions differ
        texts /= np.linalg.norm(texts, axis=1, keepdims=True)
        return {"image_features": images, "text_features": texts, "ks": ks}

    return case(f"{size} pairs and ks = {ks}", make)


def _alike(rng: Generator) -> dict[str, Any]:
    """Three pairs at one point, exactly; two others apart."""
    features = np.eye(3)[[0, 1, 0, 2, 0]][rng.permutation(5)]
    return {"image_features": features, "text_features": features.copy(), "ks": [1, 2]}


asked = Exercise(
    "mini_clip.retrieval_report",
    title="A report on retrieval",
    minutes=12,
    skills=["retrieval", "evaluation"],
    reference=contrastive.retrieval_report,
    outputs=[
        "image-to-text recall",
        "text-to-image recall",
        "image-to-text median rank",
        "text-to-image median rank",
    ],
    groups={"value": 2, "ties": 1},
    exact=True,
    # Odd sizes: two conventions for the median of an even number are both in use.
    cases=[
        _features(5, 3, [1]),
        _features(9, 4, [1, 3]),
        _features(7, 2, [2, 4, 5]),
        case("3 of 5 pairs at one point", _alike, group="ties"),
    ],
    write_yourself=[
        "course_lib.contrastive.retrieval:_ranks",
        "course_lib.contrastive.retrieval:recall_at_k",
    ],
    hints=[
        "All four results come out of two lists: the rank of the right text of each image, and the rank of the right image "
        "of each text.",
        "rank of row i = how many entries of row i of the cosines are at least as large as entry [i, i] (itself included, so "
        "it begins at 1). Recall: fraction of ranks ≤ k, for each k. For the other direction take the transpose.",
        "ranks = (s >= s.diagonal()[:, None]).sum(dim=1); recall = torch.stack of (ranks <= k).double().mean() for k "
        "in ks; median = ranks.double().median(); then the same with s.T.",
    ],
    follow_up="Recall at 1 is 20 % and the median rank 4, of 191. What do you know that either number hides?",
)


def _ranks(similarity: Tensor) -> Tensor:
    return (similarity >= similarity.diagonal()[:, None]).sum(dim=1)


def _report(one: Tensor, other: Tensor, ks: list[int]) -> Report:
    recalls = [torch.stack([(ranks <= k).double().mean() for k in ks]) for ranks in (one, other)]
    return recalls[0], recalls[1], one.double().median(), other.double().median()


@asked.misconception(
    "the directions are exchanged",
    says="Your image-to-text numbers are those of text to image, and the other way round.",
    asks="Who asks and who answers in one row of the matrix?",
)
def exchanged(image_features: Tensor, text_features: Tensor, ks: list[int]) -> Report:
    similarity = image_features @ text_features.T
    return _report(_ranks(similarity.T), _ranks(similarity), ks)


@asked.misconception(
    "the same direction twice",
    says="Your text-to-image numbers repeat those of image to text.",
    asks="What has to be transposed for the second direction?",
)
def twice(image_features: Tensor, text_features: Tensor, ks: list[int]) -> Report:
    similarity = image_features @ text_features.T
    return _report(_ranks(similarity), _ranks(similarity), ks)


@asked.misconception(
    "ranks begin at 0",
    says="Your recalls are right, and your median ranks are one too small.",
    asks="Which rank does the best candidate have?",
)
def from_zero(image_features: Tensor, text_features: Tensor, ks: list[int]) -> Report:
    similarity = image_features @ text_features.T
    image, text, image_rank, text_rank = _report(_ranks(similarity), _ranks(similarity.T), ks)
    return image, text, image_rank - 1, text_rank - 1


@asked.misconception(
    "one place too generous",
    says="Your ranks begin at 0 and are compared with k all the same: your recalls are those at k + 1.",
    asks="If the best candidate had rank 0, which ranks would be the first k?",
)
def generous(image_features: Tensor, text_features: Tensor, ks: list[int]) -> Report:
    similarity = image_features @ text_features.T
    return _report(_ranks(similarity) - 1, _ranks(similarity.T) - 1, ks)


@asked.misconception(
    "mean rank instead of median",
    says="Your recalls are right; your ranks are means, which a few hopeless queries decide.",
    asks="Which number has half of the ranks below it?",
)
def mean_rank(image_features: Tensor, text_features: Tensor, ks: list[int]) -> Report:
    similarity = image_features @ text_features.T
    image, text = _ranks(similarity), _ranks(similarity.T)
    recalls = _report(image, text, ks)[:2]
    return recalls[0], recalls[1], image.double().mean(), text.double().mean()


@asked.misconception(
    "ties counted in the model's favour",
    says="A right candidate that ties with a wrong one is counted as the better one.",
    asks="What does your report say of a model whose similarities are all equal?",
)
def optimistic(image_features: Tensor, text_features: Tensor, ks: list[int]) -> Report:
    similarity = image_features @ text_features.T
    one, other = (1 + (s > s.diagonal()[:, None]).sum(dim=1) for s in (similarity, similarity.T))
    return _report(one, other, ks)


@asked.misconception(
    "the order is read as ranks",
    says="argsort tells which candidate stands at each place, not at which place each candidate stands.",
    asks="In argsort's result, what do position and value mean, and which of them do you need for candidate i?",
)
def argsort_as_rank(image_features: Tensor, text_features: Tensor, ks: list[int]) -> Report:
    similarity = image_features @ text_features.T
    one, other = (1 + s.argsort(dim=1, descending=True).diagonal() for s in (similarity, similarity.T))
    return _report(one, other, ks)


@asked.misconception(
    "the least similar come first",
    says="You rank by ascending similarity, so the worst candidates count as found.",
    asks="Is the best candidate the one with the largest or the smallest similarity?",
)
def ascending(image_features: Tensor, text_features: Tensor, ks: list[int]) -> Report:
    similarity = image_features @ text_features.T
    return _report(_ranks(-similarity), _ranks(-similarity.T), ks)


@asked.misconception(
    "percent instead of fractions",
    says="Your recalls are a hundred times too large.",
    asks="Between which numbers should a recall lie?",
)
def percent(image_features: Tensor, text_features: Tensor, ks: list[int]) -> Report:
    similarity = image_features @ text_features.T
    image, text, one, other = _report(_ranks(similarity), _ranks(similarity.T), ks)
    return 100 * image, 100 * text, one, other


@asked.also_correct("ranks in plain Python")
def plain(image_features: Tensor, text_features: Tensor, ks: list[int]) -> tuple[Tensor | float, ...]:
    def ranks(rows: list[list[float]]) -> list[int]:
        return sorted(sum(value >= row[i] for value in row) for i, row in enumerate(rows))

    cosines = image_features @ text_features.T
    image, text = ranks(cosines.tolist()), ranks(cosines.T.tolist())
    size = len(image)
    recalls = [torch.tensor([sum(rank <= k for rank in one) / size for k in ks]) for one in (image, text)]
    return (*recalls, image[size // 2], text[size // 2])


@asked.also_correct("by sorting, the positive after its equals")
def by_sorting(image_features: Tensor, text_features: Tensor, ks: list[int]) -> Report:
    similarity, found = torch.einsum("nd,md->nm", image_features, text_features), []
    for one in (similarity, similarity.T):
        lowered = one.double().clone()  # in float64 1e-9 is not lost
        lowered.diagonal().sub_(1e-9)
        places = lowered.argsort(dim=1, descending=True).argsort(dim=1)
        found.append(places.diagonal() + 1)
    limits = torch.tensor(ks)[:, None]
    shares = [(ranks <= limits).float().mean(dim=1) for ranks in found]
    return shares[0], shares[1], found[0].float().median(), found[1].float().median()
