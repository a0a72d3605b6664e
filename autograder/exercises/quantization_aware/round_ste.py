"""Rounding with a gradient."""

from typing import Any

import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _off_the_halves(shape: tuple[int, ...], name: str) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        whole = rng.integers(-6, 7, size=shape)
        return {"x": whole + rng.choice([-1, 1], size=shape) * rng.uniform(0.05, 0.45, size=shape)}

    return case(name, make)


asked = Exercise(
    "quantization_aware.round_ste",
    title="A gradient for a staircase",
    minutes=6,
    skills=["straight-through estimator", "autograd"],
    reference=quantization.round_ste,
    outputs=["rounded values"],
    gradients_of=["x"],
    groups={"value": 1, "gradient": 1},
    cases=[_off_the_halves((4,), "4 values"), _off_the_halves((3, 4), "3×4 values")],
    hints=[
        "Autograd sees only what you do with tensors that carry a gradient. How can you add something that changes "
        "the value and is a constant for autograd?",
        "y = x + (what turns x into round(x)), where the bracket is cut off from the graph. Then ∂y/∂x is that of the "
        "first x alone.",
        "return x + (torch.round(x) - x), with .detach() on the bracket.",
    ],
    follow_up="What gradient does torch.round itself give, and why is that the right one?",
)


class _Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.round(x)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Tensor:
        return upstream[0]


@asked.misconception(
    "torch.round alone",
    says="The values are right. The gradient is that of a staircase: 0 everywhere, so nothing can be learned.",
    asks="What is the slope of a step, away from its edge?",
)
def plain_round(x: Tensor) -> Tensor:
    return torch.round(x)


@asked.misconception(
    "everything is detached",
    says="No gradient reaches x: the first x of your sum is cut off as well.",
    asks="Which part of x + (round(x) − x) should autograd see?",
    same_as="plain_round: with either no gradient reaches x",
)
def all_detached(x: Tensor) -> Tensor:
    return (x + torch.round(x) - x).detach()


@asked.misconception(
    "the gradient is right, the value is not rounded",
    says="You return x itself: the forward pass does not round.",
    asks="Which of your two terms is a whole number?",
)
def not_rounded(x: Tensor) -> Tensor:
    return x + (torch.round(x) - torch.round(x)).detach()


@asked.misconception(
    "the sign of the gradient is turned round",
    says="Your gradient is −1: training would go uphill.",
    asks="If y follows x, what is ∂y/∂x?",
)
def turned_round(x: Tensor) -> Tensor:
    return torch.round(x).detach() - (x - x.detach())


@asked.misconception(
    "x is let through twice",
    says="Your gradient is 2: two terms carry it.",
    asks="How many of your terms are not detached?",
)
def twice(x: Tensor) -> Tensor:
    return torch.round(x).detach() + 2 * (x - x.detach())


@asked.misconception(
    "cut off instead of rounded",
    says="Your values are those of trunc, which moves everything towards 0; the gradient is right.",
    asks="Which whole number is nearest to 2.9?",
)
def truncated(x: Tensor) -> Tensor:
    return torch.trunc(x).detach() + (x - x.detach())


@asked.misconception(
    "rounded down instead of to the nearest",
    says="Your values are those of floor: half a step too low on average; the gradient is right.",
    asks="What is the average of x − floor(x)?",
)
def floored(x: Tensor) -> Tensor:
    return torch.floor(x).detach() + (x - x.detach())


@asked.misconception(
    "the gradient is weighted by the distance to the grid",
    says="Your gradient is 1 minus the rounding error, or like it: you differentiate through the error, too.",
    asks="Is round(x) − x a constant for autograd in your code?",
)
def weighted(x: Tensor) -> Tensor:
    error = torch.round(x).detach() - x
    return torch.round(x).detach() + (x - x.detach()) * (1 - error.detach())


@asked.misconception(
    "no gradient beyond one step from 0",
    says="You cut the gradient off for |x| > 1. That is the estimator for a sign, whose range ends there; rounding "
    "has no range.",
    asks="Is there a clip in this function?",
    source="Hubara et al. 2016, arXiv:1602.02830, equation 4: the estimator of sign(x)",
)
def saturated(x: Tensor) -> Tensor:
    return torch.round(x).detach() + (x - x.detach()) * (x.detach().abs() <= 1)


@asked.also_correct("the usual one-liner")
def one_liner(x: Tensor) -> Tensor:
    return x + (torch.round(x) - x).detach()


@asked.also_correct("an autograd function")
def own_function(x: Tensor) -> Tensor:
    return _Straight.apply(x)


@asked.also_correct("halves rounded up")
def halves_up(x: Tensor) -> Tensor:
    return x - (x - torch.floor(x + 0.5)).detach()
