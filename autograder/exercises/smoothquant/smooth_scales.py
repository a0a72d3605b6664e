"""SmoothQuant's scales."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _layer(channels: int, outputs: int, alpha: float, dead: str = "") -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        act = np.exp(rng.normal(1, 1, size=channels))
        weight = rng.normal(size=(outputs, channels)) * np.exp(rng.normal(0, 0.7, size=channels))
        weight[0] = -1.5 * abs(weight).max(axis=0)  # the largest are negative
        if dead == "in the data":
            act *= 1e-8  # so that 1e-5 counts beside the other scales
            act[0] = 0
        if dead == "in the weights":
            weight[:, 1] = 0
        return {"act_absmax": act, "weights": weight, "alpha": alpha}

    name = f"{channels} channels, {outputs} outputs and α = {alpha}"
    return case(
        name + (f", a channel dead {dead}" if dead else ""), make, group="dead channels" if dead else None
    )


asked = Exercise(
    "smoothquant.smooth_scales",
    title="The scales",
    minutes=10,
    skills=["migration", "numerical care"],
    reference=quantization.smooth_scales,
    outputs=["s"],
    groups={"value": 2, "dead channels": 1},
    cases=[
        _layer(2, 3, 0.5),
        _layer(4, 4, 0.8),  # square: here a maximum over the wrong axis raises nothing
        _layer(3, 5, 0.25),
        _layer(4, 4, 0.5, dead="in the data"),
        _layer(3, 2, 0.5, dead="in the weights"),
    ],
    hints=[
        "Two vectors with a number for each input channel, each to its power. Where is the input channel in a weight "
        "[outputs, channels]?",
        "Reduce the weight's outputs (dim 0) to the largest magnitude. Clamp this, and in the end s, from below.",
        "largest = weights.abs().amax(dim=0).clamp_min(1e-5); the quotient act_absmax ** alpha over "
        "largest ** (1 - alpha); clamp_min(1e-5) again.",
    ],
    follow_up="A channel is 0 in all calibration data and gets s = 1e-5. What if it comes alive in production?",
)


def _largest(weights: Tensor) -> Tensor:
    return weights.abs().amax(dim=0).clamp_min(1e-5)


@asked.misconception(
    "α and 1 − α are exchanged",
    says="Your activations have the exponent 1 − α and the weights α.",
    asks="At α = 1, what must s_j be, so that every activation channel ends with the maximum 1?",
)
def alpha_swapped(act_absmax: Tensor, weights: Tensor, alpha: float) -> Tensor:
    return (act_absmax ** (1 - alpha) / _largest(weights) ** alpha).clamp_min(1e-5)


@asked.misconception(
    "the weight's maximum over the wrong axis",
    says="You take the maximum over each row, a number for each output: with as many outputs as inputs nothing raises.",
    asks="Weight is [outputs, channels], and s belongs to channels. Which axis has to go?",
)
def wrong_axis(act_absmax: Tensor, weights: Tensor, alpha: float) -> Tensor:
    return (act_absmax**alpha / weights.abs().amax(dim=1).clamp_min(1e-5) ** (1 - alpha)).clamp_min(1e-5)


@asked.misconception(
    "one maximum for the whole weight",
    says="You divide by the largest weight of the matrix, instead of by that of each column.",
    asks="Which weights does channel j meet?",
)
def whole_weight(act_absmax: Tensor, weights: Tensor, alpha: float) -> Tensor:
    return (act_absmax**alpha / weights.abs().max() ** (1 - alpha)).clamp_min(1e-5)


@asked.misconception(
    "no lower bounds",
    says="A dead channel gets s = 0 or s = ∞, and x / s becomes NaN in the next step.",
    asks="What is 0 / 0, and how far does one NaN spread in a matrix product?",
    source="neural-compressor#1427, sparseml#1872",
)
def dead_channels(act_absmax: Tensor, weights: Tensor, alpha: float) -> Tensor:
    return act_absmax**alpha / weights.abs().amax(dim=0) ** (1 - alpha)


@asked.misconception(
    "only the weights have a lower bound",
    says="A channel that was 0 in all calibration data gets s = 0: x / s is then 0 / 0.",
    asks="Which of your two quantities can still make s zero?",
)
def scale_unbounded(act_absmax: Tensor, weights: Tensor, alpha: float) -> Tensor:
    return act_absmax**alpha / _largest(weights) ** (1 - alpha)


@asked.misconception(
    "the lower bound is that of the activations",
    says="You let max|X_j| be at least 1e-5, instead of s: a dead channel gets another scale.",
    asks="Of which number do the authors ask that it be at least 1e-5, before the power or after it?",
)
def activations_bounded(act_absmax: Tensor, weights: Tensor, alpha: float) -> Tensor:
    return act_absmax.clamp_min(1e-5) ** alpha / _largest(weights) ** (1 - alpha)


@asked.misconception(
    "only s has a lower bound",
    says="A column of zeros in the weight still makes s infinite.",
    asks="What is the denominator for such a column?",
)
def weight_unbounded(act_absmax: Tensor, weights: Tensor, alpha: float) -> Tensor:
    return (act_absmax**alpha / weights.abs().amax(dim=0) ** (1 - alpha)).clamp_min(1e-5)


@asked.misconception(
    "1e-5 is added",
    says="You add 1e-5 where it is to be a lower bound: every s is off by a little, not only those of dead channels.",
    asks="What does clamp_min do with a number that is large enough already?",
)
def added(act_absmax: Tensor, weights: Tensor, alpha: float) -> Tensor:
    return act_absmax**alpha / (weights.abs().amax(dim=0) + 1e-5) ** (1 - alpha) + 1e-5


@asked.misconception(
    "the lower bound is 1",
    says="You never let s fall below 1. Channels with small activations and large weights then keep their imbalance.",
    asks="May a channel's activations also grow, if its weights are the larger side?",
)
def at_least_one(act_absmax: Tensor, weights: Tensor, alpha: float) -> Tensor:
    return (act_absmax**alpha / _largest(weights) ** (1 - alpha)).clamp_min(1)


@asked.misconception(
    "1/s instead of s",
    says="Your result is the reciprocal: what the activations are multiplied by.",
    asks="A channel with a huge maximum: is its s large or small?",
)
def reciprocal(act_absmax: Tensor, weights: Tensor, alpha: float) -> Tensor:
    return 1 / (act_absmax**alpha / _largest(weights) ** (1 - alpha)).clamp_min(1e-5)


@asked.misconception(
    "a product instead of a quotient",
    says="You multiply by the weight's power.",
    asks="If the weights of a channel are large already, should they take more of its difficulty, or less?",
)
def product(act_absmax: Tensor, weights: Tensor, alpha: float) -> Tensor:
    return (act_absmax**alpha * _largest(weights) ** (1 - alpha)).clamp_min(1e-5)


@asked.misconception(
    "the mean instead of the maximum",
    says="You take the weight's mean magnitude; what the grid has to cover is the largest.",
    asks="Which weight of a column decides how wide its grid must be?",
)
def mean_weight(act_absmax: Tensor, weights: Tensor, alpha: float) -> Tensor:
    return (act_absmax**alpha / weights.abs().mean(dim=0).clamp_min(1e-5) ** (1 - alpha)).clamp_min(1e-5)


@asked.misconception(
    "the signed maximum of the weights",
    says="You take the largest weight of each column, not the largest magnitude.",
    asks="What about a column of −0.9 and 0.1?",
)
def signed(act_absmax: Tensor, weights: Tensor, alpha: float) -> Tensor:
    return (act_absmax**alpha / weights.amax(dim=0).clamp_min(1e-5) ** (1 - alpha)).clamp_min(1e-5)


@asked.misconception(
    "the weights are left out",
    says="You return max|X_j|^α alone.",
    asks="Two channels with equal activations, one with weights 100 times as large: should both get the same s?",
)
def without_weights(act_absmax: Tensor, weights: Tensor, alpha: float) -> Tensor:
    return (act_absmax**alpha).clamp_min(1e-5)


@asked.misconception(
    "both have the exponent α",
    says="You raise the quotient to the power α.",
    asks="What is the exponent of the weight's maximum at α = 0?",
)
def same_exponent(act_absmax: Tensor, weights: Tensor, alpha: float) -> Tensor:
    return ((act_absmax / _largest(weights)) ** alpha).clamp_min(1e-5)


@asked.also_correct("with torch.pow and torch.clamp")
def with_pow(act_absmax: Tensor, weights: Tensor, alpha: float) -> Tensor:
    column = torch.clamp(torch.linalg.vector_norm(weights, ord=float("inf"), dim=0), min=1e-5)
    return torch.clamp(torch.pow(act_absmax, alpha) * torch.pow(column, alpha - 1), min=1e-5)


@asked.also_correct("channel by channel")
def channel_by_channel(act_absmax: Tensor, weights: Tensor, alpha: float) -> Tensor:
    scales = []
    for j, most in enumerate(act_absmax.tolist()):
        largest = max(1e-5, max(abs(w) for w in weights[:, j].tolist()))
        scales.append(max(1e-5, most**alpha / largest ** (1 - alpha)))
    return torch.tensor(scales, dtype=act_absmax.dtype)
