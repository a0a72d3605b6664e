"""Whom the gradient listens to before anything is learned."""

import math

import torch

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive


def _at(batch: int, bias: float) -> CaseSpec:
    return case(
        f"{batch} pairs at a bias near {bias:g}",
        lambda rng: {"batch": batch, "logit_bias": bias + 0.3 * float(rng.uniform(-1, 1))},
    )


asked = Exercise(
    "siglip.positive_gradient_share",
    title="Whom the gradient listens to",
    minutes=8,
    skills=["class imbalance", "sigmoid gradient"],
    reference=contrastive.positive_gradient_share,
    outputs=["share"],
    groups={"value": 2},
    exact=True,
    cases=[_at(3, 0.5), _at(8, -1.0), _at(100, -6.0)],
    hints=[
        "All logits are b. What is |∂L/∂ℓ| of one positive, and of one negative?",
        "Per image: one positive of size σ(−b)/N and N − 1 negatives of size σ(b)/N. The share is the positive's part of "
        "the sum of all.",
        "pull = 1/(1 + e^b); push = 1/(1 + e^(−b)); the share has pull on top, and pull + (N − 1)·push below. Use math.exp.",
    ],
    follow_up="Divide both parts of the fraction by σ(−b): which sigmoid, of which difference, is the share?",
)


@asked.misconception(
    "the share of the pairs, not of their gradients",
    says="Your number is 1/N whatever the bias: you count pairs instead of adding up gradients.",
    asks="Do all pairs have a gradient of the same size when b = −10?",
)
def counted(batch: int, logit_bias: float) -> float:
    return 1 / batch


@asked.misconception(
    "positives and negatives are exchanged",
    says="Your number is the share of the negatives.",
    asks="For b = −10, whose gradient is nearly 0: that of a positive or of a negative?",
)
def exchanged(batch: int, logit_bias: float) -> float:
    return 1 - contrastive.positive_gradient_share(batch, logit_bias)


@asked.misconception(
    "the sign of b is turned around",
    says="You give a positive the gradient σ(b) and a negative σ(−b).",
    asks="How large is the gradient of a positive that is already certain, with a large b?",
)
def turned(batch: int, logit_bias: float) -> float:
    return contrastive.positive_gradient_share(batch, -logit_bias)


@asked.misconception(
    "N negatives for each image",
    says="You count the positive among the negatives as well.",
    asks="How many of the N texts are wrong for one image?",
)
def one_too_many(batch: int, logit_bias: float) -> float:
    return 1 / (1 + batch * math.exp(logit_bias))


@asked.misconception(
    "one negative for each positive",
    says="You compare one positive with one negative.",
    asks="How many negatives push for each positive that pulls?",
)
def one_each(batch: int, logit_bias: float) -> float:
    return 1 / (1 + math.exp(logit_bias))


@asked.misconception(
    "N(N − 1) negatives against one positive",
    says="You count the negatives of the whole matrix, but the positive of one image.",
    asks="How many positives does the whole matrix have?",
)
def whole_matrix(batch: int, logit_bias: float) -> float:
    return 1 / (1 + batch * (batch - 1) * math.exp(logit_bias))


@asked.misconception(
    "a ratio instead of a share",
    says="You divide the positives by the negatives, not by both together.",
    asks="What should the share be when positives and negatives weigh the same?",
)
def ratio(batch: int, logit_bias: float) -> float:
    share = contrastive.positive_gradient_share(batch, logit_bias)
    return share / (1 - share)


@asked.misconception(
    "pull and push are subtracted",
    says="You divide by the sum of the gradients with their signs, which may vanish, instead of their magnitudes.",
    asks="What is the gradient's sum at b*, and can one divide by it?",
)
def signed(batch: int, logit_bias: float) -> float:
    share = contrastive.positive_gradient_share(batch, logit_bias)
    return share / (share - (1 - share))


@asked.also_correct("pull over pull and pushes")
def pulls_and_pushes(batch: int, logit_bias: float) -> float:
    pull = 1 / (1 + math.exp(logit_bias))
    push = 1 / (1 + math.exp(-logit_bias))
    return pull / (pull + (batch - 1) * push)


@asked.also_correct("a sigmoid of the distance from the best bias")
def one_sigmoid(batch: int, logit_bias: float) -> float:
    return 1 / (1 + math.exp(logit_bias + math.log(batch - 1)))


@asked.also_correct("from the whole gradient matrix")
def from_matrix(batch: int, logit_bias: float) -> torch.Tensor:
    logits = torch.full((batch, batch), logit_bias, dtype=torch.float64)
    sizes = (torch.sigmoid(logits) - torch.eye(batch)).abs()
    return sizes.diagonal().sum() / sizes.sum()
