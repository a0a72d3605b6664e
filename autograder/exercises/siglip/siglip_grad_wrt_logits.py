"""The derivation's step: the gradient of the sigmoid loss with respect to the logits."""

from collections.abc import Callable

import torch
from torch import Tensor

from autograder.exercise import Exercise
from autograder.exercises.ingredients import logits as random_logits
from course_lib import contrastive

Gradient = Callable[[Tensor], Tensor]


def _labels(logits: Tensor) -> Tensor:
    return contrastive.pair_labels(len(logits), dtype=logits.dtype)


asked = Exercise(
    "siglip.siglip_grad_wrt_logits",
    title="The gradient of one pair",
    minutes=10,
    skills=["sigmoid gradient", "derivation"],
    reference=contrastive.siglip_grad_wrt_logits,
    outputs=["gradient"],
    groups={"value": 2, "stability": 1},
    cases=[
        random_logits(3, 3, 1.0),
        random_logits(5, 5, 3.0),
        random_logits(4, 4, 1000.0, group="stability"),
    ],
    intermediates={
        "labels": _labels,
        "labels times logits": lambda logits: _labels(logits) * logits,
    },
    hints=[
        "The derivative of log σ(x) is σ(−x). Here x = z·ℓ, and the chain rule brings one more factor.",
        "Per entry: the factor z from the inside, a sigmoid of −z·ℓ, the minus of the loss, and 1/N. No sum is left.",
        "labels = contrastive.pair_labels(N, dtype=logits.dtype); the answer is minus labels, times torch.sigmoid of "
        "something, divided by len(logits).",
    ],
    follow_up="A positive has σ(ℓ) = 0.9 and a negative σ(ℓ) = 0.1. Which of the two is moved more?",
)


@asked.misconception(
    "the label in front is forgotten",
    says="All entries of your matrix have the same sign, so pairs and non-pairs are pulled the same way.",
    asks="What is the inner derivative of z·ℓ with respect to ℓ?",
)
def no_outer_label(logits: Tensor) -> Tensor:
    return -torch.sigmoid(-_labels(logits) * logits) / len(logits)


@asked.misconception(
    "the label inside the sigmoid is forgotten",
    says="Your negatives are weighted by σ(−ℓ): those that are already far apart are pushed most.",
    asks="Which negatives are wrong, those with a large ℓ or those with a small one?",
)
def no_inner_label(logits: Tensor) -> Tensor:
    return -_labels(logits) * torch.sigmoid(-logits) / len(logits)


@asked.misconception(
    "σ(z·ℓ) instead of σ(−z·ℓ)",
    says="Your weights are the probabilities of the right answers: what is learned is pushed most.",
    asks="How large should the gradient of a pair be that is already certain and right?",
)
def of_right_answer(logits: Tensor) -> Tensor:
    return -_labels(logits) * torch.sigmoid(_labels(logits) * logits) / len(logits)


@asked.misconception(
    "not divided by N",
    says="Your gradient is N times too large: that of the sum over all pairs.",
    asks="What stands in front of the double sum?",
)
def not_divided(right: Gradient, logits: Tensor) -> Tensor:
    return right(logits) * len(logits)


@asked.misconception(
    "divided by N²",
    says="Your gradient is N times too small: that of the mean over all pairs.",
    asks="Does the loss average over pairs, or sum over pairs and average over images?",
)
def divided_twice(right: Gradient, logits: Tensor) -> Tensor:
    return right(logits) / len(logits)


@asked.misconception(
    "the sign is turned around",
    says="Your matrix is minus the gradient: the direction of descent.",
    asks="Does raising the logit of a pair raise or lower its cost?",
)
def sign(right: Gradient, logits: Tensor) -> Tensor:
    return -right(logits)


@asked.misconception(
    "the gradient of the softmax loss",
    says="Your rows and columns are softmaxes: the gradient of lesson 01.",
    asks="Which other logits does the cost of pair (i, j) contain?",
)
def softmax(logits: Tensor) -> Tensor:
    return contrastive.grad_wrt_logits(logits)


@asked.misconception(
    "the derivative of the sigmoid, not of its logarithm",
    says="You have −z·σ(1 − σ)/N, which vanishes for a pair that is certain and wrong.",
    asks="What does the logarithm do to the derivative σ(1 − σ)?",
)
def no_logarithm(logits: Tensor) -> Tensor:
    right = torch.sigmoid(_labels(logits) * logits)
    return -_labels(logits) * right * (1 - right) / len(logits)


@asked.misconception(
    "the pairs are treated as negatives",
    says="Your entries are σ(ℓ)/N everywhere: nothing is subtracted on the diagonal.",
    asks="What is the derivative of −log σ(ℓ) at a pair, where z = +1?",
)
def no_identity(logits: Tensor) -> Tensor:
    return torch.sigmoid(logits) / len(logits)


@asked.misconception(
    "the truth is 1 everywhere",
    says="Your entries are (σ(ℓ) − 1)/N everywhere: every combination is treated as a pair.",
    asks="Which truth should be subtracted from the probability of a negative?",
)
def all_pairs(logits: Tensor) -> Tensor:
    return (torch.sigmoid(logits) - 1) / len(logits)


@asked.misconception(
    "probability minus label",
    says="You subtract z, which is −1 for a negative: its gradient does not vanish when it is learned.",
    asks="For a negative with σ(ℓ) = 0, what should the gradient be, and what is yours?",
)
def minus_label(logits: Tensor) -> Tensor:
    return (torch.sigmoid(logits) - _labels(logits)) / len(logits)


@asked.misconception(
    "a quotient of two exponentials",
    says="It is right for small logits; for large ones it is ∞/∞, which is NaN.",
    asks="Which function of torch gives σ(x) without an overflow?",
)
def quotient(logits: Tensor) -> Tensor:
    wrong = torch.exp(-_labels(logits) * logits)
    return -_labels(logits) * wrong / (1 + wrong) / len(logits)


@asked.also_correct("probability minus truth")
def minus_truth(logits: Tensor) -> Tensor:
    return (torch.sigmoid(logits) - torch.eye(len(logits), dtype=logits.dtype)) / len(logits)


@asked.also_correct("autograd of the summed cross-entropy")
def by_autograd(logits: Tensor) -> Tensor:
    leaf = logits.detach().requires_grad_()
    costs = torch.nn.functional.logsigmoid(_labels(leaf) * leaf)
    return torch.autograd.grad(-costs.sum() / len(leaf), leaf)[0]


@asked.also_correct("one over one plus exp")
def with_exp(logits: Tensor) -> Tensor:
    labels = _labels(logits)
    return -labels / (len(logits) * (1 + torch.exp(labels * logits)))
