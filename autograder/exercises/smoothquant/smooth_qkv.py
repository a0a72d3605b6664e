"""Folding s into a norm and the three layers that read it."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization

Five = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def _linear(weight: Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
    linear.weight = nn.Parameter(weight)
    return linear


def smooth_qkv(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    scales: Tensor,
) -> Five:
    """The same layers after smoothing, by `quantization.apply_smoothing`."""
    norm = nn.LayerNorm(len(scales), dtype=scales.dtype)
    norm.weight, norm.bias = nn.Parameter(norm_weight), nn.Parameter(norm_bias)
    linears = [_linear(weight) for weight in (q_weight, k_weight, v_weight)]
    previous, consumers = quantization.apply_smoothing(norm, linears, scales)
    q, k, v = (linear.weight.detach() for linear in consumers)
    assert isinstance(previous, nn.LayerNorm)
    return previous.weight.detach(), previous.bias.detach(), q, k, v


def _attention(channels: int, outputs: tuple[int, int, int], bias: bool = False) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        weights = [rng.normal(size=(rows, channels)) for rows in outputs]
        return {
            "norm_weight": rng.uniform(0.5, 2, size=channels),
            "norm_bias": rng.normal(size=channels) if bias else np.zeros(channels),
            **dict(zip(("q_weight", "k_weight", "v_weight"), weights, strict=True)),
            "scales": np.exp(rng.normal(size=channels)),
        }

    shapes = ", ".join(map(str, outputs))
    name = f"{channels} channels, {shapes} outputs, " + ("and a bias in the norm" if bias else "bias 0")
    return case(name, make, group="bias" if bias else None)


asked = Exercise(
    "smoothquant.smooth_qkv",
    title="Into the norm and the weights",
    minutes=12,
    skills=["folding", "layers"],
    reference=smooth_qkv,
    outputs=["norm_weight", "norm_bias", "q_weight", "k_weight", "v_weight"],
    groups={"value": 2, "bias": 1},
    cases=[
        _attention(2, (3, 1, 1)),
        _attention(3, (3, 3, 3)),  # square: here a wrong axis raises nothing
        _attention(4, (4, 2, 2), bias=True),
        _attention(3, (3, 3, 3), bias=True),
    ],
    write_yourself=["course_lib.quantization.folding:apply_smoothing"],
    hints=[
        "The norm puts out n · weight + bias. What must weight and bias become, so that the whole output is divided "
        "by s?",
        "Divide both vectors of the norm by s. In each of the three weights multiply column j, all that reads "
        "channel j, by s_j.",
        "norm_weight / scales, norm_bias / scales, and q_weight * scales: broadcasting puts s along the last axis, "
        "which is that of the inputs. The same for k and v.",
    ],
    follow_up="q_proj has a bias of its own in some models. What happens to it?",
)


def _smoothed(weights: tuple[Tensor, ...], scales: Tensor) -> list[Tensor]:
    return [weight * scales for weight in weights]


@asked.misconception(
    "the norm's bias is forgotten",
    says="You divide the norm's weight and leave its bias: the layer now computes something else.",
    asks="The output of a LayerNorm is n · weight + bias. Which parts of that have to be divided?",
)
def bias_forgotten(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    scales: Tensor,
) -> list[Tensor]:
    return [norm_weight / scales, norm_bias, *_smoothed((q_weight, k_weight, v_weight), scales)]


@asked.misconception(
    "the norm is multiplied, the weights are divided",
    says="You do the reverse: the product is preserved, but the outliers have grown.",
    asks="s_j is large where channel j is large. Which side is to become smaller?",
)
def reverse(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    scales: Tensor,
) -> list[Tensor]:
    return [
        norm_weight * scales,
        norm_bias * scales,
        *_smoothed((q_weight, k_weight, v_weight), 1 / scales),
    ]


@asked.misconception(
    "everything is divided",
    says="You divide the weights as well, so that the product is divided twice.",
    asks="(x / s) · (w ? s) = x · w: what stands for the question mark?",
)
def divides_weights(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    scales: Tensor,
) -> list[Tensor]:
    return [
        norm_weight / scales,
        norm_bias / scales,
        *_smoothed((q_weight, k_weight, v_weight), 1 / scales),
    ]


@asked.misconception(
    "everything is multiplied",
    says="You multiply the norm by s as well.",
    asks="What has to come out of the norm for the smoothed layer: s times as much, or a part of it?",
)
def multiplies(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    scales: Tensor,
) -> list[Tensor]:
    return [
        norm_weight * scales,
        norm_bias * scales,
        *_smoothed((q_weight, k_weight, v_weight), scales),
    ]


@asked.misconception(
    "the rows of the weights are scaled",
    says="You multiply rows, which belong to the outputs; with as many outputs as inputs nothing raises.",
    asks="Which axis of a weight [outputs, channels] meets channel j of x?",
)
def rows(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    scales: Tensor,
) -> list[Tensor]:
    weights = [scales[:, None] * weight for weight in (q_weight, k_weight, v_weight)]
    return [norm_weight / scales, norm_bias / scales, *weights]


@asked.misconception(
    "only q is smoothed",
    says="k and v read the same divided input, but their weights are as they were.",
    asks="Which layers read the output of this norm?",
)
def only_q(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    scales: Tensor,
) -> list[Tensor]:
    return [norm_weight / scales, norm_bias / scales, q_weight * scales, k_weight, v_weight]


@asked.misconception(
    "v is left out",
    says="q and k are smoothed; v reads the same input and is not.",
    asks="Where does the input of v_proj come from?",
)
def without_v(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    scales: Tensor,
) -> list[Tensor]:
    return [norm_weight / scales, norm_bias / scales, q_weight * scales, k_weight * scales, v_weight]


@asked.misconception(
    "the norm is divided once for each reader",
    says="You divide the norm by s three times, once for each of q, k and v.",
    asks="How often is the input of q divided, if norm / s is put out once?",
)
def three_times(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    scales: Tensor,
) -> list[Tensor]:
    weights = _smoothed((q_weight, k_weight, v_weight), scales)
    return [norm_weight / scales**3, norm_bias / scales**3, *weights]


@asked.misconception(
    "the norm is left as it was",
    says="You multiply the weights, but nothing divides their input.",
    asks="Where does the division x / s take place, if not in the norm?",
)
def norm_unchanged(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    scales: Tensor,
) -> list[Tensor]:
    return [norm_weight, norm_bias, *_smoothed((q_weight, k_weight, v_weight), scales)]


@asked.misconception(
    "the bias is multiplied",
    says="You divide the norm's weight and multiply its bias.",
    asks="By which factor must each summand of n · weight + bias change?",
)
def bias_multiplied(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    scales: Tensor,
) -> list[Tensor]:
    weights = _smoothed((q_weight, k_weight, v_weight), scales)
    return [norm_weight / scales, norm_bias * scales, *weights]


@asked.also_correct("with diagonal matrices")
def diagonals(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    scales: Tensor,
) -> list[Tensor]:
    multiply, divide = torch.diag(scales), torch.diag(1 / scales)
    return [divide @ norm_weight, divide @ norm_bias, *(w @ multiply for w in (q_weight, k_weight, v_weight))]


@asked.also_correct("on copies, in place")
def on_copies(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    scales: Tensor,
) -> Five:
    weight, bias = norm_weight.clone(), norm_bias.clone()
    weight /= scales
    bias /= scales
    q, k, v = (one.clone() for one in (q_weight, k_weight, v_weight))
    for one in (q, k, v):
        one.mul_(scales.view(1, -1))
    return weight, bias, q, k, v


@asked.also_correct("plain quotients and products")
def plainly(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    scales: Tensor,
) -> Five:
    return norm_weight / scales, norm_bias / scales, q_weight * scales, k_weight * scales, v_weight * scales
