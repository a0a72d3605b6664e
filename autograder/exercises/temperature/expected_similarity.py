"""The derivation's first step: the derivative of a log-sum-exp by the scale is a mean under the softmax."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive

Mean = Callable[[Tensor, Tensor], Tensor]


def _scores(rows: int, classes: int, scale: float) -> CaseSpec:
    return case(
        f"{rows} rows of {classes} at scale {scale:g}",
        lambda rng: {
            "similarity": rng.uniform(-0.9, 0.9, size=(rows, classes)),
            "logit_scale": np.array(scale),
        },
    )


asked = Exercise(
    "temperature.expected_similarity",
    title="What the softmax expects",
    minutes=6,
    skills=["softmax gradient", "derivation"],
    reference=contrastive.expected_similarity,
    outputs=["expected similarity"],
    groups={"value": 2},
    cases=[_scores(2, 3, 2.0), _scores(4, 4, 5.0), _scores(5, 3, 1500.0)],
    intermediates={
        "probabilities": lambda similarity, logit_scale: (logit_scale * similarity).softmax(dim=1),
    },
    hints=[
        "d/dc log Σ exp(c·s_j): the chain rule brings s_j down, and what is left of the exponentials is a softmax.",
        "Probabilities of each row at this scale, [rows, classes]; then the mean of the cosines under them: "
        "one number per row.",
        "P = softmax of logit_scale * similarity over dim 1; then the sum over dim 1 of P times similarity.",
    ],
    follow_up="To what does it tend as the scale goes to 0, and to infinity?",
)


@asked.misconception(
    "the mean of the logits instead of the cosines",
    says="Your numbers are too large by the factor logit_scale.",
    asks="Differentiate c·s by c: does c remain?",
)
def of_logits(right: Mean, similarity: Tensor, logit_scale: Tensor) -> Tensor:
    return logit_scale * right(similarity, logit_scale)


@asked.misconception(
    "the mean of the products instead of their sum",
    says="You divide by the number of classes once more; the probabilities have done that already.",
    asks="What do the probabilities of a row sum to?",
)
def mean_of_products(right: Mean, similarity: Tensor, logit_scale: Tensor) -> Tensor:
    return right(similarity, logit_scale) / similarity.shape[1]


@asked.misconception(
    "the plain mean of the row",
    says="All entries of a row weigh the same in your result, as if the scale were 0.",
    asks="Which weights do the exponentials leave?",
)
def plain_mean(similarity: Tensor, logit_scale: Tensor) -> Tensor:
    return similarity.mean(dim=1)


@asked.misconception(
    "the softmax of the unscaled cosines",
    says="Your weights are those at scale 1.",
    asks="Of what is the softmax taken: of s, or of logit_scale · s?",
)
def unscaled(similarity: Tensor, logit_scale: Tensor) -> Tensor:
    return (similarity.softmax(dim=1) * similarity).sum(dim=1)


@asked.misconception(
    "down the columns",
    says="You average over the rows of each column.",
    asks="Which axis holds the candidates of one query?",
)
def wrong_axis(similarity: Tensor, logit_scale: Tensor) -> Tensor:
    return contrastive.expected_similarity(similarity.T, logit_scale)


@asked.misconception(
    "the log-sum-exp itself",
    says="You return log Σ exp(logit_scale · s) and not its derivative.",
    asks="What does the derivative of a logarithm look like?",
)
def not_differentiated(similarity: Tensor, logit_scale: Tensor) -> Tensor:
    return (logit_scale * similarity).logsumexp(dim=1)


@asked.misconception(
    "the soft maximum",
    says="You return log Σ exp(logit_scale · s) / logit_scale: an average of the slope, not the slope.",
    asks="Is the derivative of f(c) the same as f(c)/c?",
)
def soft_maximum(similarity: Tensor, logit_scale: Tensor) -> Tensor:
    return (logit_scale * similarity).logsumexp(dim=1) / logit_scale


@asked.misconception(
    "the weights do not sum to 1",
    says="You weigh the cosines with exponentials that are not divided by their sum.",
    asks="What stands in the denominator after differentiating the logarithm?",
)
def not_normalised(similarity: Tensor, logit_scale: Tensor) -> Tensor:
    return ((logit_scale * similarity).exp() * similarity).sum(dim=1)


@asked.also_correct("autograd of the log-sum-exp")
def by_autograd(similarity: Tensor, logit_scale: Tensor) -> Tensor:
    leaf = logit_scale.detach().expand(len(similarity)).clone().requires_grad_()
    total = (leaf[:, None] * similarity).logsumexp(dim=1).sum()
    return torch.autograd.grad(total, leaf)[0]


@asked.also_correct("a product of matrices")
def with_einsum(similarity: Tensor, logit_scale: Tensor) -> Tensor:
    return torch.einsum("ij,ij->i", torch.softmax(similarity * logit_scale, -1), similarity)
