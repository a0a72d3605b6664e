"""One layer for two: batch normalisation in the weights of the layer before it."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization

Folded = tuple[Tensor, Tensor]


def _layer(shape: tuple[int, ...], bias: bool, smallest: float, name: str) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        outputs = shape[0]
        return {
            "weight": rng.normal(size=shape),
            "bias": rng.normal(size=outputs) if bias else None,
            "gamma": rng.choice([-1, 1], size=outputs) * rng.uniform(0.5, 2, size=outputs),
            "beta": rng.normal(size=outputs),
            "running_mean": rng.normal(size=outputs),
            "running_var": rng.uniform(smallest, 4, size=outputs),
            "eps": float(np.exp(rng.uniform(np.log(0.01), np.log(0.1)))),
        }

    return case(name, make)


asked = Exercise(
    "quantization_aware.fold_batch_norm",
    title="Two layers become one",
    minutes=12,
    skills=["batch normalisation", "derivation", "deployment"],
    reference=quantization.fold_batch_norm,
    outputs=["folded weight", "folded bias"],
    groups={"value": 2, "convolution": 1},
    cases=[
        _layer((2, 3), True, 0.5, "a linear layer of 3 inputs and 2 outputs"),
        _layer((3, 3), True, 0.01, "a linear layer of 3 inputs and 3 outputs"),
        _layer((4, 2), False, 0.5, "a linear layer without a bias"),
        CaseSpec(
            "a 3×3 convolution",
            _layer((3, 2, 3, 3), False, 0.5, "").make,
            group="convolution",
        ),
    ],
    hints=[
        "Write down what both layers do to one output channel, and sort: what multiplies the inputs, and what does not?",
        "One factor for each output, γ/√(var + ε). It multiplies that output's row of the weight (any number of axes) "
        "and everything that was added before the normalisation; β is added after it.",
        "factor = gamma / torch.sqrt(running_var + eps); weight rows times the factor; bias = (bias - running_mean) * "
        "factor + beta, where a missing bias is 0.",
    ],
    follow_up="γ is negative in one channel. What happens to its integer codes, if the range is −127 … 127?",
)


def _rows(factor: Tensor, weight: Tensor) -> Tensor:
    return factor.reshape(-1, *[1] * (weight.ndim - 1))


def _fold(
    weight: Tensor, bias: Tensor | None, factor: Tensor, beta: Tensor, mean: Tensor, *, old: bool = True
) -> Folded:
    before = -mean if bias is None or not old else bias - mean
    return weight * _rows(factor, weight), before * factor + beta


@asked.misconception(
    "eps is forgotten",
    says="You divide by √var: right to a few parts in a thousand for most channels, and far off for one that hardly "
    "varies.",
    asks="What does BatchNorm add before it takes the root, and for which channels does that matter?",
)
def no_eps(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> Folded:
    return _fold(weight, bias, gamma / running_var.sqrt(), beta, running_mean)


@asked.misconception(
    "eps is added after the root",
    says="You divide by √var + ε; BatchNorm divides by √(var + ε).",
    asks="Is ε a variance or a standard deviation?",
)
def eps_outside(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> Folded:
    return _fold(weight, bias, gamma / (running_var.sqrt() + eps), beta, running_mean)


@asked.misconception(
    "divided by the variance",
    says="The root is missing.",
    asks="Which unit has the variance of metres?",
)
def no_root(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> Folded:
    return _fold(weight, bias, gamma / (running_var + eps), beta, running_mean)


@asked.misconception(
    "the layer's own bias is lost",
    says="You start from −mean, as if the layer had no bias.",
    asks="What does the layer add before the normalisation sees its output?",
)
def bias_lost(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> Folded:
    factor = gamma * torch.rsqrt(running_var + eps)
    return _fold(weight, bias, factor, beta, running_mean, old=False)


@asked.misconception(
    "the layer's own bias is not scaled",
    says="You add the old bias after the normalisation. It was added before it.",
    asks="Through which factor does the old bias go?",
)
def bias_unscaled(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> Folded:
    factor = gamma * torch.rsqrt(running_var + eps)
    own = torch.zeros_like(beta) if bias is None else bias
    return weight * _rows(factor, weight), own - running_mean * factor + beta


@asked.misconception(
    "the mean is not taken off",
    says="Your bias has no μ in it.",
    asks="What does BatchNorm subtract?",
)
def no_mean(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> Folded:
    factor = gamma * torch.rsqrt(running_var + eps)
    return _fold(weight, bias, factor, beta, torch.zeros_like(running_mean))


@asked.misconception(
    "the mean is not scaled",
    says="You subtract μ after the scaling: it belongs in front.",
    asks="In which order does BatchNorm centre and scale?",
)
def mean_unscaled(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> Folded:
    factor = gamma * torch.rsqrt(running_var + eps)
    own = torch.zeros_like(beta) if bias is None else bias * factor
    return weight * _rows(factor, weight), own - running_mean + beta


@asked.misconception(
    "the mean is added",
    says="The sign of μ is turned round.",
    asks="Is the normalised output centred?",
)
def mean_added(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> Folded:
    return _fold(weight, bias, gamma * torch.rsqrt(running_var + eps), beta, -running_mean)


@asked.misconception(
    "γ is left out",
    says="You divide by the deviation only; the gain that BatchNorm learned is missing.",
    asks="Which two vectors does BatchNorm learn?",
)
def no_gamma(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> Folded:
    return _fold(weight, bias, torch.rsqrt(running_var + eps), beta, running_mean)


@asked.misconception(
    "β is left out",
    says="Your bias lacks what BatchNorm adds at the end.",
    asks="What is left of BatchNorm's output where the normalised value is 0?",
)
def no_beta(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> Folded:
    factor = gamma * torch.rsqrt(running_var + eps)
    return _fold(weight, bias, factor, torch.zeros_like(beta), running_mean)


@asked.misconception(
    "β is scaled, too",
    says="You multiply β by the factor; it is added last.",
    asks="What comes after β?",
)
def beta_scaled(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> Folded:
    factor = gamma * torch.rsqrt(running_var + eps)
    folded, before = _fold(weight, bias, factor, torch.zeros_like(beta), running_mean)
    return folded, before + beta * factor


@asked.misconception(
    "the columns are scaled instead of the rows",
    says="Your factor runs along the last axis. That fits a square weight only, and scales its inputs.",
    asks="Which axis of the weight are the outputs?",
)
def columns(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> Folded:
    factor = gamma * torch.rsqrt(running_var + eps)
    return weight * factor, _fold(weight, bias, factor, beta, running_mean)[1]


@asked.misconception(
    "the factor does not reach the outputs of a convolution",
    says="Your factor has the shape [outputs, 1]. With four axes that lines up with the kernel's height, and where the "
    "kernel has as many rows as there are outputs, nothing complains.",
    asks="From which side does broadcasting line up axes?",
)
def two_axes(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> Folded:
    factor = gamma * torch.rsqrt(running_var + eps)
    return weight * factor[:, None], _fold(weight, bias, factor, beta, running_mean)[1]


@asked.misconception(
    "statistics of the weight instead of the running ones",
    says="You centre and scale by the weight's own rows. BatchNorm normalises outputs, and in use it takes the "
    "running statistics of training.",
    asks="Whose mean and variance are running_mean and running_var?",
)
def own_statistics(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> Folded:
    rows = weight.flatten(1)
    factor = gamma * torch.rsqrt(rows.var(dim=1, unbiased=False) + eps)
    return _fold(weight, bias, factor, beta, rows.mean(dim=1))


@asked.also_correct("as torch writes it")
def like_torch(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> Folded:
    if bias is None:
        bias = torch.zeros_like(running_mean)
    root = torch.rsqrt(running_var + eps)
    shape = [-1] + [1] * (len(weight.shape) - 1)
    return weight * (gamma * root).reshape(shape), (bias - running_mean) * root * gamma + beta


@asked.also_correct("by probing both layers with inputs")
def by_probing(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> Folded:
    flat = weight.flatten(1)
    probes = torch.cat(
        [torch.zeros(1, flat.shape[1], dtype=weight.dtype), torch.eye(len(flat[0]), dtype=weight.dtype)]
    )
    y = torch.nn.functional.linear(probes, flat, bias)
    y = torch.nn.functional.batch_norm(y, running_mean, running_var, gamma, beta, eps=eps)
    return (y[1:] - y[0]).T.reshape(weight.shape), y[0]
