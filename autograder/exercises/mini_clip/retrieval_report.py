"""Retrieval in both directions: how often, and how far down."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive

Report = tuple[Tensor, Tensor, Tensor, Tensor]


def _similarities(size: int, k: int) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        similarity = rng.normal(size=(size, size)) + 0.6 * np.eye(size)
        similarity[:, 0] += 1.0  # a text that every image likes: the two directions differ
        return {"similarity": similarity, "k": k}

    return case(f"{size} pairs and k = {k}", make)


def _tied(rng: Generator) -> dict[str, object]:
    similarity = rng.normal(size=(5, 5)) + 9 * np.eye(5)
    similarity[:3] = 0.5  # three images to which all texts are alike
    return {"similarity": similarity, "k": 1}


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
        _similarities(5, 1),
        _similarities(9, 3),
        _similarities(7, 2),
        case("3 of 5 rows tied", _tied, group="ties"),
    ],
    write_yourself=["course_lib.contrastive.retrieval_report:_ranks"],
    hints=[
        "All four numbers come out of two lists: the rank of the right text of each image, and the rank of the right "
        "image of each text.",
        "rank of row i = how many entries of the row are at least as large as entry [i, i] (itself included, so it begins "
        "at 1). Recall: fraction of ranks ≤ k. For the other direction take the transpose.",
        "ranks = (similarity >= similarity.diagonal()[:, None]).sum(dim=1); recall = (ranks <= k).double().mean(); "
        "median = ranks.double().median(); then the same with similarity.T.",
    ],
    follow_up="Recall at 1 is 20 % and the median rank 4, of 191. What do you know that either number hides?",
)


def _ranks(similarity: Tensor) -> Tensor:
    return (similarity >= similarity.diagonal()[:, None]).sum(dim=1)


def _report(one: Tensor, other: Tensor, k: int) -> Report:
    recalls = [(ranks <= k).double().mean() for ranks in (one, other)]
    return (*recalls, one.double().median(), other.double().median())


@asked.misconception(
    "the directions are exchanged",
    says="Your image-to-text numbers are those of text to image, and the other way round.",
    asks="Who asks and who answers in one row of the matrix?",
)
def exchanged(similarity: Tensor, k: int) -> Report:
    return _report(_ranks(similarity.T), _ranks(similarity), k)


@asked.misconception(
    "the same direction twice",
    says="Your text-to-image numbers repeat those of image to text.",
    asks="What has to be transposed for the second direction?",
)
def twice(similarity: Tensor, k: int) -> Report:
    return _report(_ranks(similarity), _ranks(similarity), k)


@asked.misconception(
    "ranks begin at 0",
    says="Your recalls are right, and your median ranks are one too small.",
    asks="Which rank does the best candidate have?",
)
def from_zero(similarity: Tensor, k: int) -> Report:
    image, text, image_rank, text_rank = _report(_ranks(similarity), _ranks(similarity.T), k)
    return image, text, image_rank - 1, text_rank - 1


@asked.misconception(
    "one place too generous",
    says="Your ranks begin at 0 and are compared with k all the same: your recalls are those at k + 1.",
    asks="If the best candidate had rank 0, which ranks would be the first k?",
)
def generous(similarity: Tensor, k: int) -> Report:
    return _report(_ranks(similarity) - 1, _ranks(similarity.T) - 1, k)


@asked.misconception(
    "mean rank instead of median",
    says="Your recalls are right; your ranks are means, which a few hopeless queries decide.",
    asks="Which number has half of the ranks below it?",
)
def mean_rank(similarity: Tensor, k: int) -> Report:
    image, text = _ranks(similarity), _ranks(similarity.T)
    recalls = _report(image, text, k)[:2]
    return (*recalls, image.double().mean(), text.double().mean())


@asked.misconception(
    "ties counted in the model's favour",
    says="A right candidate that ties with a wrong one is counted as the better one.",
    asks="What does your report say of a model whose similarities are all equal?",
)
def optimistic(similarity: Tensor, k: int) -> Report:
    one, other = (1 + (s > s.diagonal()[:, None]).sum(dim=1) for s in (similarity, similarity.T))
    return _report(one, other, k)


@asked.misconception(
    "the order is read as ranks",
    says="argsort tells which candidate stands at each place, not at which place each candidate stands.",
    asks="In argsort's result, what do position and value mean, and which of them do you need for candidate i?",
)
def argsort_as_rank(similarity: Tensor, k: int) -> Report:
    one, other = (1 + s.argsort(dim=1, descending=True).diagonal() for s in (similarity, similarity.T))
    return _report(one, other, k)


@asked.misconception(
    "the least similar come first",
    says="You rank by ascending similarity, so the worst candidates count as found.",
    asks="Is the best candidate the one with the largest or the smallest similarity?",
)
def ascending(similarity: Tensor, k: int) -> Report:
    return _report(_ranks(-similarity), _ranks(-similarity.T), k)


@asked.misconception(
    "percent instead of fractions",
    says="Your recalls are a hundred times too large.",
    asks="Between which numbers should a recall lie?",
)
def percent(similarity: Tensor, k: int) -> Report:
    image, text, *ranks = _report(_ranks(similarity), _ranks(similarity.T), k)
    return (100 * image, 100 * text, *ranks)


@asked.also_correct("in plain Python")
def plain(similarity: Tensor, k: int) -> tuple[float, ...]:
    def ranks(rows: list[list[float]]) -> list[int]:
        return sorted(sum(value >= row[i] for value in row) for i, row in enumerate(rows))

    image, text = ranks(similarity.tolist()), ranks(similarity.T.tolist())
    size = len(image)
    recalls = [sum(rank <= k for rank in one) / size for one in (image, text)]
    return (*recalls, image[size // 2], text[size // 2])


@asked.also_correct("by sorting, the positive after its equals")
def by_sorting(similarity: Tensor, k: int) -> Report:
    found = []
    for one in (similarity, similarity.T):
        lowered = one.double().clone()  # in float64 1e-9 is not lost
        lowered.diagonal().sub_(1e-9)
        places = lowered.argsort(dim=1, descending=True).argsort(dim=1)
        found.append(places.diagonal() + 1)
    means = [(ranks <= k).float().mean() for ranks in found]
    return (*means, found[0].float().median(), found[1].float().median())
