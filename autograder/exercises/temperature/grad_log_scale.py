"""The derivation's end: the gradient of the loss with respect to the parameter that CLIP stores."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from autograder.exercises.ingredients import cosines
from course_lib import contrastive

Gradient = Callable[[Tensor, Tensor], Tensor]


def _batch(batch: int, dim: int, log_scale: float, **options: Any) -> CaseSpec:
    make = cosines(batch, dim)
    return case(
        f"{batch} pairs at log-scale {log_scale:g}",
        lambda rng: {"similarity": make(rng), "log_scale": np.array(log_scale)},
        **options,
    )


def _excess(similarity: Tensor, logit_scale: Tensor) -> Tensor:
    return contrastive.expected_similarity(similarity, logit_scale) - similarity.diagonal()


asked = Exercise(
    "temperature.grad_log_scale",
    title="The gradient at the log-scale",
    minutes=10,
    skills=["derivation", "chain rule", "temperature"],
    reference=contrastive.grad_log_scale,
    outputs=["gradient"],
    groups={"value": 2, "stability": 1},
    cases=[_batch(3, 2, 0.5), _batch(6, 3, 2.0), _batch(4, 3, 7.0, group="stability", magnitude=1100)],
    intermediates={"scale": lambda similarity, log_scale: log_scale.exp()},
    hints=[
        "One row of the loss is log Σ_j exp(c·s_ij) − c·s_ii. You know the derivative by c of both terms. "
        "Then c = exp(log_scale).",
        "For each direction the mean over i of (expected similarity − s_ii); average the two directions; "
        "the chain rule for c = exp(t) brings one more factor.",
        "c = log_scale.exp(); rows = expected_similarity(similarity, c), columns = the same of similarity.T; "
        "the mean of (rows + columns)/2 − diagonal, times c.",
    ],
    follow_up="What must be true of a batch for this gradient to be zero? Can a perfect batch have that?",
)


@asked.misconception(
    "with respect to the scale, not its logarithm",
    says="Your gradient is dL/d logit_scale: the last factor of the chain rule is missing.",
    asks="What is d exp(t)/dt?",
)
def wrt_scale(right: Gradient, similarity: Tensor, log_scale: Tensor) -> Tensor:
    return right(similarity, log_scale) / log_scale.exp()


@asked.misconception(
    "one direction only",
    says="Your gradient is that of the image-to-text half.",
    asks="Which softmax does the other half of the loss use?",
)
def one_direction(similarity: Tensor, log_scale: Tensor) -> Tensor:
    return log_scale.exp() * _excess(similarity, log_scale.exp()).mean()


@asked.misconception(
    "the other direction only",
    says="Your gradient is that of the text-to-image half.",
    asks="Which softmax does the first half of the loss use?",
)
def other_direction(similarity: Tensor, log_scale: Tensor) -> Tensor:
    return log_scale.exp() * _excess(similarity.T, log_scale.exp()).mean()


@asked.misconception(
    "the sign is turned around",
    says="Your number is positive where the loss falls with the scale.",
    asks="If the positives stand out, does a larger scale raise or lower the loss?",
)
def sign(right: Gradient, similarity: Tensor, log_scale: Tensor) -> Tensor:
    return -right(similarity, log_scale)


@asked.misconception(
    "sum instead of mean over the batch",
    says="Your gradient is N times too large.",
    asks="What stands in front of the sum over i in the loss?",
)
def summed(right: Gradient, similarity: Tensor, log_scale: Tensor) -> Tensor:
    return right(similarity, log_scale) * len(similarity)


@asked.misconception(
    "not halved",
    says="You add the two directions; the loss is their mean.",
    asks="By which number is the sum of both halves divided?",
)
def not_halved(right: Gradient, similarity: Tensor, log_scale: Tensor) -> Tensor:
    return 2 * right(similarity, log_scale)


@asked.misconception(
    "the logarithm is used as the scale",
    says="Your softmax and your factor use log_scale where the scale belongs.",
    asks="What does CLIP store, and what multiplies the cosines?",
    source="BAAI-DCAI/M3D#52: no exp on logit_scale",
)
def no_exp(similarity: Tensor, log_scale: Tensor) -> Tensor:
    return log_scale * (_excess(similarity, log_scale) + _excess(similarity.T, log_scale)).mean() / 2


@asked.misconception(
    "right softmax, the logarithm as the factor",
    says="Your softmax is right; the factor in front is log_scale instead of the scale.",
    asks="What is d exp(t)/dt: t, or exp(t)?",
)
def factor_log(right: Gradient, similarity: Tensor, log_scale: Tensor) -> Tensor:
    return right(similarity, log_scale) / log_scale.exp() * log_scale


@asked.misconception(
    "with respect to the temperature",
    says="Your number is dL/dτ: its sign and its factor are those of the inverse.",
    asks="Is the stored parameter log(1/τ), or τ?",
    source="LAION-AI/CLAP#57: log-scale, scale and temperature mixed up",
)
def wrt_temperature(right: Gradient, similarity: Tensor, log_scale: Tensor) -> Tensor:
    return -right(similarity, log_scale) * log_scale.exp()


@asked.misconception(
    "the positives are subtracted in one direction only",
    says="Each of the two halves has the term −c·s_ii; you have it once for both.",
    asks="After averaging both halves, how large is the factor in front of s_ii?",
)
def positive_once(similarity: Tensor, log_scale: Tensor) -> Tensor:
    scale = log_scale.exp()
    return (
        scale * (_excess(similarity, scale) + contrastive.expected_similarity(similarity.T, scale)).mean() / 2
    )


@asked.misconception(
    "the positives are not subtracted",
    says="You have what the softmax expects, without what the label says.",
    asks="What does the term −c·s_ii of the loss contribute?",
)
def no_positive(similarity: Tensor, log_scale: Tensor) -> Tensor:
    scale = log_scale.exp()
    means = [contrastive.expected_similarity(one, scale).mean() for one in (similarity, similarity.T)]
    return scale * torch.stack(means).mean()


@asked.also_correct("autograd of two cross-entropies")
def by_autograd(similarity: Tensor, log_scale: Tensor) -> Tensor:
    leaf = log_scale.detach().clone().requires_grad_()
    logits, labels = leaf.exp() * similarity, torch.arange(len(similarity))
    entropy = torch.nn.functional.cross_entropy
    loss = (entropy(logits, labels) + entropy(logits.T, labels)) / 2
    return torch.autograd.grad(loss, leaf)[0]


@asked.also_correct("through the gradient at the logits")
def through_logits(similarity: Tensor, log_scale: Tensor) -> Tensor:
    logits = log_scale.exp() * similarity
    return (contrastive.grad_wrt_logits(logits) * logits).sum()
