"""How many negatives count."""

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from autograder.exercises.ingredients import cosines
from course_lib import contrastive

Count = Callable[[Tensor, float], Tensor]


def _batch(batch: int, dim: int, temperature: float, **options: str) -> CaseSpec:
    make = cosines(batch, dim)
    return case(
        f"{batch} pairs at τ = {temperature:g}",
        lambda rng: {"similarity": make(rng), "temperature": temperature},
        **options,
    )


def _tied(rng: Generator) -> dict[str, object]:
    similarity = rng.integers(-8, 0, size=(4, 4)) / 16.0  # sixteenths: a tie is exact in any float
    for row, pair in ((0, (1, 3)), (2, (0, 1))):  # two share the first place, and the third is far
        similarity[row, pair] = 0.25
    similarity[1, 0] = similarity[3, 2] = 0.5
    return {"similarity": similarity + 0.5 * np.eye(4), "temperature": 0.00005}


def _entropy(weights: Tensor) -> Tensor:
    return -torch.xlogy(weights, weights).sum(dim=1)


asked = Exercise(
    "temperature.effective_negatives",
    title="How many negatives count",
    minutes=10,
    skills=["entropy", "hard negatives", "numerical stability"],
    reference=contrastive.effective_negatives,
    outputs=["count"],
    groups={"value": 2, "zeros": 1},
    cases=[
        _batch(3, 2, 0.5),
        _batch(6, 3, 0.15),
        case("4 pairs at τ = 0.00005, with two ties", _tied, group="zeros"),
    ],
    intermediates={"weights": contrastive.hardness_weights},
    hints=[
        "If k negatives share the weight equally, the answer should be k. Which function of their entropy gives k?",
        "Weights of the negatives alone, rows summing to 1; their entropy in nats, row by row; its exponential. "
        "A weight of exactly 0 adds 0 to the entropy.",
        "w = contrastive.hardness_weights(similarity, temperature); the entropy of a row is −Σ xlogy(w, w); "
        "return its exp.",
    ],
    follow_up="A batch of 32,768 at τ = 0.01: is the number of pairs what makes it hard?",
)


@asked.misconception(
    "the positive is counted",
    says="Your entropy is that of the whole row of the softmax.",
    asks="Is the positive one of the negatives?",
)
def positive_included(similarity: Tensor, temperature: float) -> Tensor:
    return _entropy(contrastive.softmax_temperature(similarity, temperature)).exp()


@asked.misconception(
    "the weights of the negatives do not sum to 1",
    says="You leave the positive out of the sum, but not out of the denominator of the softmax.",
    asks="What do your weights of one row sum to?",
)
def not_renormalised(similarity: Tensor, temperature: float) -> Tensor:
    weights = contrastive.softmax_temperature(similarity, temperature)
    return _entropy(weights.masked_fill(torch.eye(len(weights), dtype=torch.bool), 0)).exp()


@asked.misconception(
    "bits and nats are mixed",
    says="Your entropy is in bits, and you take exp of it; exp belongs to nats.",
    asks="Which number to the power of an entropy in bits gives a count?",
)
def base_two(similarity: Tensor, temperature: float) -> Tensor:
    weights = contrastive.hardness_weights(similarity, temperature)
    return (_entropy(weights) / math.log(2)).exp()


@asked.misconception(
    "two to the power of nats",
    says="Your entropy is in nats, and you take 2 to its power; 2 belongs to bits.",
    asks="Which number to the power of an entropy in nats gives a count?",
)
def two_to_nats(right: Count, similarity: Tensor, temperature: float) -> Tensor:
    return 2 ** right(similarity, temperature).log()


@asked.misconception(
    "the entropy itself",
    says="You return the entropy in nats, not a count of negatives.",
    asks="How large is your result if 8 negatives weigh the same?",
)
def not_exponentiated(right: Count, similarity: Tensor, temperature: float) -> Tensor:
    return right(similarity, temperature).log()


@asked.misconception(
    "the sign of the entropy",
    says="You return 1/N_eff: the minus sign in front of Σ w log w is missing.",
    asks="Is log w positive or negative for a weight below 1?",
)
def sign(right: Count, similarity: Tensor, temperature: float) -> Tensor:
    return 1 / right(similarity, temperature)


@asked.misconception(
    "0 · log 0 becomes NaN",
    says="It is right until a weight underflows to exactly 0; then 0 · (−∞) is NaN.",
    asks="What does an impossible event add to the entropy, and what does your product say?",
)
def zero_log_zero(similarity: Tensor, temperature: float) -> Tensor:
    weights = contrastive.hardness_weights(similarity, temperature)
    terms = (weights * weights.log()).masked_fill(torch.eye(len(weights), dtype=torch.bool), 0)
    return (-terms.sum(dim=1)).exp()


@asked.misconception(
    "one over the sum of squares",
    says="You return 1/Σw², another count, which gives large weights more say than the entropy does.",
    asks="Which of the two was asked for: exp of the entropy, or the inverse participation ratio?",
)
def inverse_participation(similarity: Tensor, temperature: float) -> Tensor:
    return 1 / contrastive.hardness_weights(similarity, temperature).square().sum(dim=1)


@asked.misconception(
    "averaged over the rows",
    says="You return one number for the batch; each row has its own.",
    asks="How many rows does the batch have, and how many numbers do you return?",
)
def averaged(right: Count, similarity: Tensor, temperature: float) -> Tensor:
    return right(similarity, temperature).mean()


@asked.misconception(
    "down the columns",
    says="You count the negatives of each text, not of each image.",
    asks="Which axis holds the negatives of image i?",
)
def wrong_axis(right: Count, similarity: Tensor, temperature: float) -> Tensor:
    return right(similarity.T, temperature)


@asked.also_correct("entropy from torch")
def with_entr(similarity: Tensor, temperature: float) -> Tensor:
    weights = contrastive.hardness_weights(similarity, temperature)
    return torch.special.entr(weights).sum(1).exp()


@asked.also_correct("from log-probabilities")
def from_logs(similarity: Tensor, temperature: float) -> Tensor:
    size = len(similarity)
    others = similarity[~torch.eye(size, dtype=torch.bool)].view(size, size - 1)
    logs = (others / temperature).log_softmax(dim=1)
    return torch.exp(-(logs.exp() * logs).sum(dim=1))


@asked.also_correct("row by row, skipping zeros")
def row_by_row(similarity: Tensor, temperature: float) -> Tensor:
    counts = []
    for i in range(len(similarity)):
        row = torch.cat([similarity[i, :i], similarity[i, i + 1 :]]) / temperature
        weights = row.softmax(dim=0)
        weights = weights[weights > 0]
        counts.append((-weights @ weights.log()).exp())
    return torch.stack(counts)
