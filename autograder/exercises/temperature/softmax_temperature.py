"""A softmax with a temperature."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive

Softmax = Callable[[Tensor, Tensor], Tensor]


def _scores(rows: int, classes: int, temperature: float, **options: Any) -> CaseSpec:
    return case(
        f"{rows} rows of {classes} at τ = {temperature:g}",
        lambda rng: {
            "similarity": rng.uniform(-0.9, 0.9, size=(rows, classes)),
            "temperature": np.array(temperature),
        },
        **options,
    )


asked = Exercise(
    "temperature.softmax_temperature",
    title="A softmax with a knob",
    minutes=6,
    skills=["softmax", "temperature"],
    reference=contrastive.softmax_temperature,
    outputs=["probabilities"],
    gradients_of=["similarity", "temperature"],
    groups={"value": 1, "stability": 1},
    cases=[
        _scores(2, 3, 0.5),
        _scores(3, 3, 0.2),
        _scores(3, 4, 0.0005, group="stability", gradients=False, magnitude=2000),
    ],
    hints=[
        "A small τ must make the differences between the scores larger. Does it multiply or divide them?",
        "Divide all scores by τ, then one ordinary softmax per row, over the classes; "
        "shift each row by its maximum, or let torch's softmax do it.",
        "logits = similarity / temperature; then logits.softmax over dim 1.",
    ],
    follow_up="Which entry of a row gets more probability when τ shrinks, and which one never gets less?",
)


@asked.misconception(
    "multiplies by the temperature",
    says="Your probabilities are those at 1/τ: a small τ makes them flat instead of sharp.",
    asks="The scale multiplies, and τ = 1/scale. What does τ do?",
    source="BLEEP#5: multiplied in one place, divided in another",
)
def multiplies(right: Softmax, similarity: Tensor, temperature: Tensor) -> Tensor:
    return right(similarity, 1 / temperature)


@asked.misconception(
    "the softmax runs down the columns",
    says="Your columns sum to 1, not your rows.",
    asks="Over which axis does one image choose among the texts?",
)
def wrong_axis(similarity: Tensor, temperature: Tensor) -> Tensor:
    return (similarity / temperature).softmax(dim=0)


@asked.misconception(
    "the temperature is applied after the softmax",
    says="You divide probabilities by τ, so that they no longer sum to 1.",
    asks="What is divided by τ: the scores, or what comes out?",
)
def after(similarity: Tensor, temperature: Tensor) -> Tensor:
    return similarity.softmax(dim=1) / temperature


@asked.misconception(
    "no temperature at all",
    says="Your probabilities are those at τ = 1, whatever τ is.",
    asks="Where does `temperature` enter your function?",
)
def ignored(similarity: Tensor, temperature: Tensor) -> Tensor:
    return similarity.softmax(dim=1)


@asked.misconception(
    "one softmax over the whole matrix",
    says="All your entries together sum to 1.",
    asks="How many distributions are in a matrix with one query per row?",
)
def whole_matrix(similarity: Tensor, temperature: Tensor) -> Tensor:
    return (similarity / temperature).flatten().softmax(dim=0).view_as(similarity)


@asked.misconception(
    "the logarithm of the probabilities",
    says="You return log-probabilities.",
    asks="Do the numbers in your rows sum to 1?",
)
def logarithm(similarity: Tensor, temperature: Tensor) -> Tensor:
    return (similarity / temperature).log_softmax(dim=1)


@asked.misconception(
    "exponentials without a shift",
    says="It is right at large τ; at a small one exp overflows, and ∞/∞ is NaN.",
    asks="What may be subtracted from a whole row without changing its softmax?",
)
def no_shift(similarity: Tensor, temperature: Tensor) -> Tensor:
    exponentials = (similarity / temperature).exp()
    return exponentials / exponentials.sum(dim=1, keepdim=True)


@asked.also_correct("with log-probabilities")
def with_logs(similarity: Tensor, temperature: Tensor) -> Tensor:
    logits = similarity.div(temperature)
    return torch.exp(logits - logits.logsumexp(1, keepdim=True))


@asked.also_correct("shifted by hand")
def by_hand(similarity: Tensor, temperature: Tensor) -> Tensor:
    shifted = similarity - similarity.max(dim=1, keepdim=True).values
    weights = torch.exp(shifted * (1 / temperature))
    return weights / weights.sum(1)[:, None]
