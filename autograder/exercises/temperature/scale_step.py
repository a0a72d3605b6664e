"""Spot the bugs: one training step of the scale."""

import math

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from autograder.exercises.ingredients import cosines
from autograder.observers import FunctionObserver
from course_lib import contrastive
from course_lib.experiments.temperature import WEIGHT_DECAY, scale_step_with_three_bugs


def scale_step(log_scale: Tensor, similarity: Tensor, learning_rate: float, max_scale: float) -> Tensor:
    """One step of gradient descent on the log-scale, then the clamp."""
    gradient = contrastive.grad_log_scale(similarity, log_scale)
    return (log_scale - learning_rate * gradient).clamp(max=math.log(max_scale))


def _step(name: str, scale: float, learning_rate: float, max_scale: float, closeness: float) -> CaseSpec:
    make = cosines(4, 3, closeness=closeness)
    return case(
        name,
        lambda rng: {
            "log_scale": np.array(rng.uniform(0.98, 1.02) * math.log(scale)),
            "similarity": make(rng),
            "learning_rate": learning_rate,
            "max_scale": max_scale,
        },
    )


asked = Exercise(
    "temperature.scale_step",
    title="Spot the bugs",
    minutes=10,
    skills=["code review", "temperature", "optimizers"],
    reference=scale_step,
    observer=FunctionObserver(outputs=("new log_scale",)),
    groups={"value": 3},
    cases=[
        _step("a scale of 5, far below the limit", 5.0, 0.1, 100.0, 1.0),
        _step("a scale of 7 and a step that goes past the limit of 8", 7.0, 40.0, 8.0, 4.0),
        _step("a scale of 40, above the limit of 20, which the loss wants smaller", 40.0, 0.5, 20.0, 0.0),
        _step("a scale of 2 and a large learning rate", 2.0, 2.0, 100.0, 1.0),
    ],
    stretch=True,
    hints=[
        "There are three. For each line ask: is this number τ, 1/τ or log(1/τ)? And what does it do when the scale "
        "stands at the limit?",
        "One in the logits, one in the clamp (its place and its limit), one in the last line: a term that has no "
        "business there.",
        "The logits need log_scale.exp(); the clamp comes after the step, at math.log(max_scale); "
        "and there is no weight decay on a log-scale.",
    ],
    follow_up="Which of the three would you have seen in a plot of 1/τ against the step, and how?",
)


def _gradient(logits: Tensor, leaf: Tensor) -> Tensor:
    labels = torch.arange(len(logits))
    entropy = torch.nn.functional.cross_entropy
    loss = (entropy(logits, labels) + entropy(logits.T, labels)) / 2
    return torch.autograd.grad(loss, leaf)[0]


@asked.misconception(
    "all three bugs are still there",
    says="Your function gives the same numbers as the one printed above.",
    asks="Which of its lines speaks of a logarithm as if it were a scale?",
)
def as_printed(log_scale: Tensor, similarity: Tensor, learning_rate: float, max_scale: float) -> Tensor:
    return scale_step_with_three_bugs(log_scale, similarity, learning_rate, max_scale)


@asked.misconception(
    "the logarithm still multiplies the cosines",
    says="The clamp and the last line are right; the logits still use log_scale.",
    asks="What does CLIP store, and what do its cosines need?",
    source="BAAI-DCAI/M3D#52: no exp on logit_scale",
)
def no_exp_left(log_scale: Tensor, similarity: Tensor, learning_rate: float, max_scale: float) -> Tensor:
    leaf = log_scale.detach().clone().requires_grad_()
    step = leaf - learning_rate * _gradient(leaf * similarity, leaf)
    return step.detach().clamp(max=math.log(max_scale))


@asked.misconception(
    "the clamp is still inside the loss",
    says="Exponential and last line are right; above the limit your gradient is 0, and nothing is clamped after the "
    "step.",
    asks="What is the derivative of clamp above its limit, and who clips the result of the step?",
    source="openai/CLIP#46: where the clip is applied",
)
def clamp_left(log_scale: Tensor, similarity: Tensor, learning_rate: float, max_scale: float) -> Tensor:
    leaf = log_scale.detach().clone().requires_grad_()
    logits = leaf.exp().clamp(max=max_scale) * similarity
    return (leaf - learning_rate * _gradient(logits, leaf)).detach()


@asked.misconception(
    "clamped before the step instead of after",
    says="You clip the parameter, then step: it can end above the limit.",
    asks="In which order do optimizer.step() and the clamp come?",
)
def clamp_first(log_scale: Tensor, similarity: Tensor, learning_rate: float, max_scale: float) -> Tensor:
    start = log_scale.clamp(max=math.log(max_scale))
    return start - learning_rate * contrastive.grad_log_scale(similarity, start)


@asked.misconception(
    "the logarithm is clamped at the scale's limit",
    says="Everything is right but the number: you let the logarithm grow to max_scale.",
    asks="If exp(x) may not exceed max_scale, what may x not exceed?",
    source="openai/CLIP#530: ln 100 is 4.6052",
)
def wrong_limit(log_scale: Tensor, similarity: Tensor, learning_rate: float, max_scale: float) -> Tensor:
    step = log_scale - learning_rate * contrastive.grad_log_scale(similarity, log_scale)
    return step.clamp(max=max_scale)


@asked.misconception(
    "the weight decay is still there",
    says="Logits and clamp are right; the last line still pulls the logarithm towards 0.",
    asks="Towards which τ does a decay of log(1/τ) pull?",
)
def decay_left(log_scale: Tensor, similarity: Tensor, learning_rate: float, max_scale: float) -> Tensor:
    gradient = contrastive.grad_log_scale(similarity, log_scale) + WEIGHT_DECAY * log_scale
    return (log_scale - learning_rate * gradient).clamp(max=math.log(max_scale))


@asked.misconception(
    "only the exponential is mended",
    says="The logits are right now; the clamp and the last line are as printed.",
    asks="What does the clamp do to the gradient, and what does the last term pull towards?",
)
def only_exp(log_scale: Tensor, similarity: Tensor, learning_rate: float, max_scale: float) -> Tensor:
    step = clamp_left(log_scale, similarity, learning_rate, max_scale)
    return step - learning_rate * WEIGHT_DECAY * log_scale


@asked.misconception(
    "a step uphill",
    says="You add the gradient: the loss rises.",
    asks="In which direction does gradient descent go?",
)
def uphill(log_scale: Tensor, similarity: Tensor, learning_rate: float, max_scale: float) -> Tensor:
    return scale_step(log_scale, similarity, -learning_rate, max_scale)


@asked.also_correct("by autograd")
def by_autograd(log_scale: Tensor, similarity: Tensor, learning_rate: float, max_scale: float) -> Tensor:
    leaf = log_scale.detach().clone().requires_grad_()
    step = leaf.detach() - learning_rate * _gradient(leaf.exp() * similarity, leaf)
    return torch.minimum(step, torch.tensor(math.log(max_scale), dtype=step.dtype))


@asked.also_correct("with torch's optimizer")
def with_optimizer(log_scale: Tensor, similarity: Tensor, learning_rate: float, max_scale: float) -> Tensor:
    parameter = torch.nn.Parameter(log_scale.clone())
    optimizer = torch.optim.SGD([parameter], lr=learning_rate, weight_decay=0.0)
    logits, labels = parameter.exp() * similarity, torch.arange(len(similarity))
    halves = [torch.nn.functional.cross_entropy(one, labels) for one in (logits, logits.T)]
    torch.stack(halves).mean().backward()
    optimizer.step()
    return parameter.detach().clamp_(max=math.log(max_scale))
