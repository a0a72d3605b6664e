"""What a comparison of outputs shows of three bugs."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import quantization
from course_lib.experiments.random import random_rows


def attention_with_three_bugs(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    act_absmax: Tensor,
    alpha: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The function that "Spot the bugs" prints: three s for one input, a whole bias, no lower bound."""
    smoothed = []
    for weight in (q_weight, k_weight, v_weight):
        largest = weight.abs().amax(dim=0)
        s = act_absmax**alpha / largest ** (1 - alpha)
        norm_weight = norm_weight / s
        smoothed.append(weight * s)
    return norm_weight, norm_bias, *smoothed  # type: ignore[return-value]


class BuggyAttention(NamedTuple):
    """Relative error of the float outputs of q, k and v after "smoothing", and how many of them are NaN."""

    error: float
    error_without_bias: float
    nan_with_dead_channel: int
    outputs: int


def buggy_attention(channels: int = 64, tokens: int = 32, seed: int = 0) -> BuggyAttention:
    """Compare outputs before and after the printed function: with a bias, without, with a dead channel."""
    x = random_rows(tokens, channels, seed)
    weights = [random_rows(channels, channels, seed + i) for i in (1, 2, 3)]
    gain = 0.5 + random_rows(1, channels, seed + 4)[0].abs()
    bias = random_rows(1, channels, seed + 5)[0]

    def error(bias: Tensor, weights: list[Tensor]) -> tuple[float, int]:
        normed = torch.nn.functional.layer_norm(x, (channels,))
        inputs = normed * gain + bias
        new_gain, new_bias, *new = attention_with_three_bugs(
            gain, bias, weights[0], weights[1], weights[2], quantization.act_absmax([inputs]), 0.5
        )
        truth = torch.cat([inputs @ weight.T for weight in weights])
        outputs = torch.cat([(normed * new_gain + new_bias) @ weight.T for weight in new])
        return float((outputs - truth).norm() / truth.norm()), int(outputs.isnan().sum())

    dead = [weight.clone() for weight in weights]
    for weight in dead:
        weight[:, 3] = 0
    return BuggyAttention(
        error(bias, weights)[0],
        error(torch.zeros_like(bias), weights)[0],
        error(bias, dead)[1],
        3 * tokens * channels,
    )
