"""Retrieval: how often is the right text among the first k?"""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive


def _similarities(size: int, k: int) -> CaseSpec:
    return case(
        f"{size} pairs and k = {k}",
        lambda rng: {"similarity": rng.normal(size=(size, size)) + 0.8 * np.eye(size), "k": k},
    )


def _collapsed(rng: Generator) -> dict[str, object]:
    similarity = rng.normal(size=(4, 4)) + 9 * np.eye(4)  # the other two rows are found
    similarity[0] = 0.5  # all candidates alike: the model says nothing
    similarity[1, 3] = similarity[1, 1] = similarity[1].max() + 1  # the positive shares the first place
    return {"similarity": similarity, "k": 1}


asked = Exercise(
    "infonce.recall_at_k",
    title="Recall at k",
    minutes=10,
    skills=["retrieval", "evaluation"],
    reference=contrastive.recall_at_k,
    outputs=["recall"],
    groups={"value": 1, "ties": 1},
    exact=True,
    cases=[
        _similarities(5, 1),
        _similarities(9, 3),
        _similarities(12, 2),
        case("two tied rows of 4", _collapsed, group="ties"),
    ],
    hints=[
        "The rank of the positive in row i is the number of candidates that come before it.",
        "Compare each row [N] with its own diagonal entry, kept as [N, 1]; count the rivals; "
        "the positive is among the first k if fewer than k rivals come before it.",
        "positives = similarity.diagonal()[:, None]; rivals = (similarity >= positives).sum(dim=1) - 1, "
        "since the positive itself is counted; then the fraction of rows with rivals < k.",
    ],
    follow_up="A collapsed model gives every pair the same similarity. What recall should it get?",
)


@asked.misconception(
    "the wrong axis",
    says="You rank images for each text: your numbers are those of the columns.",
    asks="Whose candidates stand in one row?",
)
def wrong_axis(similarity: Tensor, k: int) -> Tensor:
    return contrastive.recall_at_k(similarity.T, k)


@asked.misconception(
    "ties counted in the model's favour",
    says="A positive that ties with a wrong candidate is counted as first.",
    asks="What would your function give a model whose similarities are all equal?",
)
def optimistic(similarity: Tensor, k: int) -> Tensor:
    rivals = (similarity > similarity.diagonal()[:, None]).sum(dim=1)
    return (rivals < k).double().mean()


@asked.misconception(
    "one place too generous",
    says="Your numbers are the recall at k + 1.",
    asks="How many rivals may stand before the positive if it is to be among the first k?",
)
def one_more(similarity: Tensor, k: int) -> Tensor:
    rivals = (similarity >= similarity.diagonal()[:, None]).sum(dim=1) - 1
    return (rivals <= k).double().mean()


@asked.misconception(
    "a count instead of a fraction",
    says="You return how many rows succeed, not which part of them.",
    asks="What is the largest value that a recall can have?",
)
def count(similarity: Tensor, k: int) -> Tensor:
    return contrastive.recall_at_k(similarity, k) * len(similarity)


@asked.misconception(
    "the least similar come first",
    says="You rank by ascending similarity, so the worst candidates count as hits.",
    asks="Is the best candidate the one with the largest or the smallest similarity?",
)
def ascending(similarity: Tensor, k: int) -> Tensor:
    return contrastive.recall_at_k(-similarity, k)


@asked.misconception(
    "the positive counts as its own rival",
    says="You count the positive among the candidates that stand before it.",
    asks="How many entries of a row are at least as large as the positive, if it is the best?",
)
def own_rival(similarity: Tensor, k: int) -> Tensor:
    rivals = (similarity >= similarity.diagonal()[:, None]).sum(dim=1)
    return (rivals < k).double().mean()


@asked.also_correct("sorting, with ties broken against the positive")
def by_sorting(similarity: Tensor, k: int) -> Tensor:
    size = len(similarity)
    away = ~torch.eye(size, dtype=torch.bool)
    best_wrong = similarity[away].reshape(size, size - 1).sort(dim=1, descending=True).values
    if k >= size:
        return torch.tensor(1.0, dtype=similarity.dtype)
    return (similarity.diagonal() > best_wrong[:, k - 1]).double().mean()


@asked.also_correct("a Python loop and a plain number")
def by_loop(similarity: Tensor, k: int) -> float:
    hits = 0
    for i, row in enumerate(similarity.tolist()):
        rivals = sum(s >= row[i] for j, s in enumerate(row) if j != i)
        hits += rivals < k
    return hits / len(similarity)
