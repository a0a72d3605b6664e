"""Rows of unit length."""

import torch
from torch import Tensor

from autograder.exercise import Exercise, case
from course_lib import contrastive

EPS = 1e-24  # so small that norm + eps, max(norm, eps) and sqrt(norm² + eps) agree on every ordinary row

asked = Exercise(
    "infonce.l2_normalize",
    title="Unit vectors",
    minutes=6,
    skills=["broadcasting", "normalisation"],
    reference=contrastive.l2_normalize,
    outputs=["result"],
    gradients_of=["x"],
    groups={"value": 1, "zero row": 1},
    cases=[
        case("2 rows of width 4", lambda rng: {"x": 3 * rng.normal(size=(2, 4)), "eps": EPS}),
        # Square: here dividing by the norms without keepdim raises nothing, and is wrong.
        case(
            "3 rows of width 3", lambda rng: {"x": rng.normal(size=(3, 3)) * [[0.1], [1], [30]], "eps": EPS}
        ),
        case(
            "a zero row among 3",
            lambda rng: {"x": rng.normal(size=(3, 2)) * [[1], [0], [2]], "eps": EPS},
            group="zero row",
            gradients=False,
        ),
    ],
    write_yourself=["torch.nn.functional:normalize"],
    hints=[
        "Each row is divided by one number: its own length. Along which axis do you sum the squares?",
        "norms has shape [N]. To divide [N, D] by it, it needs shape [N, 1]: keepdim. "
        "Then keep the divisor away from zero with eps.",
        "norm = x.norm(dim=1, keepdim=True); then return x divided by the larger of norm and eps (clamp_min).",
    ],
    follow_up="A model puts an all-zero embedding in the batch. What happens to the loss without eps?",
)


@asked.misconception(
    "normalised over the batch axis",
    says="Your columns have length 1, not your rows.",
    asks="Which axis runs over the numbers of one embedding?",
)
def batch_axis(x: Tensor, eps: float) -> Tensor:
    return x / x.norm(dim=0, keepdim=True).clamp_min(eps)


@asked.misconception(
    "no eps",
    says="It is right until a row is zero; then 0/0 gives NaN.",
    asks="What does your function return for a row of zeros?",
)
def no_eps(x: Tensor, eps: float) -> Tensor:
    return x / x.norm(dim=1, keepdim=True)


@asked.misconception(
    "the norms are not broadcast over the rows",
    says="Norms of shape [N] line up with the last axis, so entry [i, j] is divided by the norm of row j.",
    asks="What shape must the norms have so that each divides its own row?",
)
def not_broadcast(x: Tensor, eps: float) -> Tensor:
    return x / x.norm(dim=1).clamp_min(eps)


@asked.misconception(
    "divided by the squared length",
    says="Your rows have length 1/‖x‖ instead of 1.",
    asks="Is Σ x² the length, or is its square root?",
)
def squared(x: Tensor, eps: float) -> Tensor:
    return x / (x * x).sum(dim=1, keepdim=True).clamp_min(eps)


@asked.misconception(
    "the sum of magnitudes instead of the length",
    says="The magnitudes in each of your rows sum to 1: that is the L1 norm.",
    asks="Which norm does a cosine need?",
)
def l1_norm(x: Tensor, eps: float) -> Tensor:
    return x / x.abs().sum(dim=1, keepdim=True).clamp_min(eps)


@asked.misconception(
    "one norm for the whole matrix",
    says="All your rows are divided by the same number, so they keep different lengths.",
    asks="How many norms does a batch of N embeddings have?",
)
def whole_matrix(x: Tensor, eps: float) -> Tensor:
    return x / x.norm().clamp_min(eps)


@asked.also_correct("square root of the sum of squares, plus eps")
def with_sqrt(x: Tensor, eps: float) -> Tensor:
    return x / ((x**2).sum(1, keepdim=True).sqrt() + eps)


@asked.also_correct("row by row")
def row_by_row(x: Tensor, eps: float) -> Tensor:
    return torch.stack([row / max(row.norm(), torch.tensor(eps, dtype=x.dtype)) for row in x])
