"""How a row's push is shared among its negatives."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from autograder.exercises.ingredients import cosines
from course_lib import contrastive

Weights = Callable[[Tensor, float], Tensor]


def _batch(batch: int, dim: int, temperature: float, **options: str) -> CaseSpec:
    make = cosines(batch, dim)
    return case(
        f"{batch} pairs at τ = {temperature:g}",
        lambda rng: {"similarity": make(rng), "temperature": temperature},
        **options,
    )


def _tied(rng: Generator) -> dict[str, object]:
    similarity = rng.integers(-8, 0, size=(4, 4)) / 16.0  # sixteenths: a tie is exact in any float
    similarity[0, 1] = similarity[0, 3] = 0.25  # two share the first place, and the third is far
    np.fill_diagonal(similarity, 0.75)
    return {"similarity": similarity, "temperature": 0.0}


asked = Exercise(
    "temperature.hardness_weights",
    title="Who is pushed",
    minutes=8,
    skills=["hard negatives", "limits"],
    reference=contrastive.hardness_weights,
    outputs=["weights"],
    groups={"value": 2, "limits": 1},
    exact=True,  # rounding an input would break the tie
    cases=[
        _batch(3, 2, 0.3),
        _batch(5, 3, 0.2),
        case("4 pairs at τ = 0, with a tie", _tied, group="limits"),
        _batch(4, 3, float("inf"), group="limits"),
    ],
    hints=[
        "It is a softmax over the negatives alone. What number must the positive's logit be, "
        "for its weight to be 0?",
        "Divide by τ, set the diagonal to −inf, softmax over each row. For τ = 0 decide by hand: which negatives "
        "are as similar as the row's largest? They share the weight.",
        "logits = (similarity / temperature).masked_fill(eye, -inf).softmax(dim=1); if temperature == 0, take "
        "instead (masked == its row's maximum), as numbers, divided by their count.",
    ],
    follow_up="A text fits an image as well as its own caption does. What is its weight as τ → 0?",
)


def _diagonal(similarity: Tensor) -> Tensor:
    return torch.eye(len(similarity), dtype=torch.bool)


@asked.misconception(
    "the positive takes part in the denominator",
    says="Your weights are the probabilities P_ij: they sum to 1 − P_ii instead of 1.",
    asks="The push is shared among negatives. Over which j does the denominator run?",
)
def with_positive(similarity: Tensor, temperature: float) -> Tensor:
    if temperature == 0:
        return (
            (similarity == similarity.amax(1, keepdim=True))
            .to(similarity)
            .masked_fill(_diagonal(similarity), 0)
        )
    return (similarity / temperature).softmax(dim=1).masked_fill(_diagonal(similarity), 0)


@asked.misconception(
    "the positive is not left out at all",
    says="Your diagonal is not 0: you return the softmax of the whole row.",
    asks="Is the positive a negative?",
)
def whole_row(similarity: Tensor, temperature: float) -> Tensor:
    if temperature == 0:
        return (similarity == similarity.amax(1, keepdim=True)).to(similarity)
    return (similarity / temperature).softmax(dim=1)


@asked.misconception(
    "the limits are the wrong way round",
    says="You give all negatives the same weight at τ = 0, and the hardest ones everything at τ = ∞.",
    asks="Divide two scores by a very small τ: do they move apart or together?",
)
def swapped(right: Weights, similarity: Tensor, temperature: float) -> Tensor:
    limits = {0.0: float("inf"), float("inf"): 0.0}
    return right(similarity, limits.get(temperature, temperature))


@asked.misconception(
    "multiplies by the temperature",
    says="Your weights are those at 1/τ: the smaller τ, the more alike they become.",
    asks="Does τ multiply or divide the cosines?",
    source="BLEEP#5: multiplied in one place, divided in another",
)
def multiplies(right: Weights, similarity: Tensor, temperature: float) -> Tensor:
    return right(similarity, 1 / temperature if temperature else float("inf"))


@asked.misconception(
    "at τ = 0 one of the tied negatives takes all",
    says="Where two negatives are equally hard, you give one of them everything.",
    asks="What is the limit of the softmax of two equal scores?",
)
def first_of_ties(right: Weights, similarity: Tensor, temperature: float) -> Tensor:
    if temperature != 0:
        return right(similarity, temperature)
    hardest = similarity.masked_fill(_diagonal(similarity), -torch.inf).argmax(dim=1)
    return torch.nn.functional.one_hot(hardest, len(similarity)).to(similarity)


@asked.misconception(
    "τ = 0 is divided by",
    says="It is right for τ > 0; at 0 it divides by zero.",
    asks="What does your function return for a cosine of 0.5 and τ = 0?",
)
def no_limit(similarity: Tensor, temperature: float) -> Tensor:
    return (similarity / temperature).masked_fill(_diagonal(similarity), -torch.inf).softmax(dim=1)


@asked.misconception(
    "down the columns",
    says="Your columns sum to 1: you share the push among the images of a text.",
    asks="Which axis holds the negatives of image i?",
)
def wrong_axis(right: Weights, similarity: Tensor, temperature: float) -> Tensor:
    return right(similarity.T, temperature).T


@asked.also_correct("rescaled probabilities")
def rescaled(similarity: Tensor, temperature: float) -> Tensor:
    negatives = similarity.masked_fill(_diagonal(similarity), -torch.inf)
    hardest = negatives.amax(dim=1, keepdim=True)
    if temperature == 0:
        ties = (negatives == hardest).to(similarity.dtype)
        return ties / ties.sum(dim=1, keepdim=True)
    weights = ((negatives - hardest) / temperature).exp()
    weights = weights.masked_fill(_diagonal(similarity), 0)
    return weights / weights.sum(dim=1, keepdim=True)


@asked.also_correct("row by row, without the positive")
def row_by_row(similarity: Tensor, temperature: float) -> Tensor:
    result = torch.zeros_like(similarity)
    for i, row in enumerate(similarity):
        others = [j for j in range(len(row)) if j != i]
        scores = row[others]
        if temperature == 0:
            share = (scores == scores.max()).to(row.dtype)
            result[i, others] = share / share.sum()
        else:
            result[i, others] = torch.softmax(scores / temperature, dim=0)
    return result
