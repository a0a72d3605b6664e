"""The derivation's middle step: the gradient of the loss with respect to the logits."""

from collections.abc import Callable

import torch
from torch import Tensor

from autograder.exercise import Exercise
from autograder.exercises.ingredients import logits as random_logits
from course_lib import contrastive

Gradient = Callable[[Tensor], Tensor]

asked = Exercise(
    "infonce.grad_wrt_logits",
    title="The gradient at the logits",
    minutes=14,
    skills=["softmax gradient", "derivation"],
    reference=contrastive.grad_wrt_logits,
    outputs=["gradient"],
    groups={"value": 2, "stability": 1},
    cases=[
        random_logits(3, 3, 1.0),
        random_logits(6, 6, 3.0),
        random_logits(4, 4, 1000.0, group="stability"),
    ],
    intermediates={
        "row softmax": lambda logits: logits.softmax(dim=1),
        "column softmax": lambda logits: logits.softmax(dim=0),
    },
    hints=[
        "For one row, −log softmax has the gradient P − e: the probabilities, minus 1 at the label. "
        "The factor comes from the average.",
        "You need P over rows and P over columns, both as [N, N] in the layout of the logits, the identity for "
        "each, and one factor for the mean over N and over the two directions.",
        "rows = softmax over dim 1; columns = softmax over dim 0; subtract the identity from both, add them, "
        "and divide by 2N.",
    ],
    follow_up="Each row of P_row − I sums to zero. What does that say about adding a constant to all logits?",
)


@asked.misconception(
    "one direction only",
    says="Your gradient is that of the image-to-text half.",
    asks="Which logits does text j compare in the other half?",
)
def one_direction(logits: Tensor) -> Tensor:
    return (logits.softmax(dim=1) - torch.eye(len(logits), dtype=logits.dtype)) / len(logits)


@asked.misconception(
    "the columns' softmax is not transposed back",
    says="You add the softmax of logits.T as it is, so its entry [j, i] lands on logit [i, j].",
    asks="To which logit does entry [j, i] of the softmax over logits.T belong?",
)
def not_transposed_back(logits: Tensor) -> Tensor:
    size = len(logits)
    both = logits.softmax(dim=1) + logits.T.softmax(dim=1)
    return (both - 2 * torch.eye(size, dtype=logits.dtype)) / (2 * size)


@asked.misconception(
    "the identity is missing",
    says="You have the pull of the softmax without the push of the label: every entry is positive.",
    asks="What does the term −ℓ_ii in the loss contribute?",
)
def no_identity(logits: Tensor) -> Tensor:
    return (logits.softmax(dim=1) + logits.softmax(dim=0)) / (2 * len(logits))


@asked.misconception(
    "the identity is subtracted once",
    says="Each of the two directions has a positive; you subtracted only one of them.",
    asks="How often does ℓ_ii appear with a minus sign in the sum of both halves?",
)
def one_identity(logits: Tensor) -> Tensor:
    size = len(logits)
    both = logits.softmax(dim=1) + logits.softmax(dim=0)
    return (both - torch.eye(size, dtype=logits.dtype)) / (2 * size)


@asked.misconception(
    "not divided by the batch size",
    says="Your gradient is N times too large: that of the summed loss.",
    asks="What does the mean over i contribute to each entry?",
)
def not_averaged(right: Gradient, logits: Tensor) -> Tensor:
    return right(logits) * len(logits)


@asked.misconception(
    "not halved",
    says="Your gradient is twice too large: that of the two directions' sum.",
    asks="Is the loss the sum of both directions or their mean?",
)
def not_halved(right: Gradient, logits: Tensor) -> Tensor:
    return 2 * right(logits)


@asked.misconception(
    "the sign is turned around",
    says="Your matrix is minus the gradient: the direction of descent.",
    asks="Does raising ℓ_ii raise or lower the loss?",
)
def sign(right: Gradient, logits: Tensor) -> Tensor:
    return -right(logits)


@asked.misconception(
    "exponentials without a shift",
    says="It is right for small logits; at 1000 exp overflows and ∞/∞ is NaN.",
    asks="Which softmax of this lesson survives large logits?",
)
def no_shift(logits: Tensor) -> Tensor:
    exponentials = logits.exp()
    both = exponentials / exponentials.sum(1, keepdim=True) + exponentials / exponentials.sum(0, keepdim=True)
    return (both - 2 * torch.eye(len(logits), dtype=logits.dtype)) / (2 * len(logits))


@asked.also_correct("autograd of two cross-entropies")
def by_autograd(logits: Tensor) -> Tensor:
    leaf = logits.detach().requires_grad_()
    labels = torch.arange(len(leaf))
    cross_entropy = torch.nn.functional.cross_entropy
    loss = (cross_entropy(leaf, labels) + cross_entropy(leaf.T, labels)) / 2
    return torch.autograd.grad(loss, leaf)[0]


@asked.also_correct("in place on copies")
def in_place(logits: Tensor) -> Tensor:
    gradient = logits.softmax(1) + logits.T.softmax(1).T
    gradient.diagonal().sub_(2)
    return gradient / (2 * len(logits))
