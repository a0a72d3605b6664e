"""Spot the bugs: three projections that share a norm."""

import numpy as np
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization
from course_lib.experiments.smoothquant.bugs import attention_with_three_bugs

Five = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
MODEL_OPTIMIZER = "Model-Optimizer#28"


def smooth_attention(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    act_absmax: Tensor,
    alpha: float,
) -> Five:
    """The norm and the three projections after smoothing with one s."""
    scales = quantization.smooth_scales(act_absmax, [q_weight, k_weight, v_weight], alpha)
    weights = [weight * scales for weight in (q_weight, k_weight, v_weight)]
    return norm_weight / scales, norm_bias / scales, *weights  # type: ignore[return-value]


def _attention(channels: int, outputs: tuple[int, int, int], alpha: float, dead: bool = False) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        weights = [rng.normal(size=(rows, channels)) * np.exp(rng.normal(size=channels)) for rows in outputs]
        if dead:
            for weight in weights:
                weight[:, 1] = 0
        return {
            "norm_weight": rng.uniform(0.5, 2, size=channels),
            "norm_bias": rng.normal(size=channels),
            **dict(zip(("q_weight", "k_weight", "v_weight"), weights, strict=True)),
            "act_absmax": np.exp(1 + rng.normal(size=channels)),
            "alpha": alpha,
        }

    name = f"{channels} channels and α = {alpha}" + (", one that no weight reads" if dead else "")
    return case(name, make)


asked = Exercise(
    "smoothquant.smooth_attention",
    title="Spot the bugs",
    minutes=8,
    skills=["code review", "folding"],
    reference=smooth_attention,
    outputs=["norm_weight", "norm_bias", "q_weight", "k_weight", "v_weight"],
    groups={"value": 3},
    cases=[
        _attention(3, (3, 2, 2), 0.5),
        _attention(4, (4, 4, 4), 0.75),
        _attention(3, (3, 2, 2), 0.5, dead=True),
    ],
    stretch=True,
    hints=[
        "How many inputs do q, k and v have? What does the norm put out, besides n · weight? What is 1 / 0?",
        "One s for all three, from the largest weight of each column in any of them; the norm divided once, bias "
        "included; the weights' maximum not below 1e-5.",
        "quantization.smooth_scales(act_absmax, [q_weight, k_weight, v_weight], alpha), before the loop.",
    ],
    follow_up="Which of the three would a comparison of the layer's outputs, before and after, have found?",
)


def _variant(
    norm_weight: Tensor,
    norm_bias: Tensor,
    weights: tuple[Tensor, Tensor, Tensor],
    act_absmax: Tensor,
    alpha: float,
    *,
    shared: bool = True,
    bias: bool = True,
    bounded: bool = True,
) -> list[Tensor]:
    """The function with some of its bugs mended."""

    def scales_of(group: tuple[Tensor, ...]) -> Tensor:
        largest = quantization.act_absmax(group)
        return act_absmax**alpha / (largest.clamp_min(1e-5) if bounded else largest) ** (1 - alpha)

    each = [scales_of(weights)] * 3 if shared else [scales_of((weight,)) for weight in weights]
    norm = each[0] if shared else each[0] * each[1] * each[2]
    smoothed = [weight * scales for weight, scales in zip(weights, each, strict=True)]
    return [norm_weight / norm, norm_bias / norm if bias else norm_bias, *smoothed]


@asked.misconception(
    "each projection still has its own s",
    says="Bias and lower bound are right, but q, k and v read one input, which your norm divides by all three.",
    asks="By how many different vectors can one norm divide its output?",
    source=MODEL_OPTIMIZER,
)
def shared_left(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    act_absmax: Tensor,
    alpha: float,
) -> list[Tensor]:
    return _variant(norm_weight, norm_bias, (q_weight, k_weight, v_weight), act_absmax, alpha, shared=False)


@asked.misconception(
    "the norm's bias is still whole",
    says="One s, with its lower bound; but n · weight is divided and the bias is not.",
    asks="What are the two summands of a LayerNorm's output?",
)
def bias_left(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    act_absmax: Tensor,
    alpha: float,
) -> list[Tensor]:
    return _variant(norm_weight, norm_bias, (q_weight, k_weight, v_weight), act_absmax, alpha, bias=False)


@asked.misconception(
    "a channel that no weight reads still breaks it",
    says="s is shared and the bias divided, but a column of zeros makes s infinite, and ∞ · 0 NaN.",
    asks="What is the largest weight of a column of zeros, and what do you divide by it?",
    source="neural-compressor#1427, sparseml#1872",
)
def bound_left(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    act_absmax: Tensor,
    alpha: float,
) -> list[Tensor]:
    return _variant(norm_weight, norm_bias, (q_weight, k_weight, v_weight), act_absmax, alpha, bounded=False)


@asked.misconception(
    "s from q alone",
    says="You share one s, but it is made for q: the columns of k and v may be far larger.",
    asks="Whose weights does s_j multiply?",
)
def from_q(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    act_absmax: Tensor,
    alpha: float,
) -> list[Tensor]:
    scales = quantization.smooth_scales(act_absmax, q_weight, alpha)
    return [norm_weight / scales, norm_bias / scales, *(w * scales for w in (q_weight, k_weight, v_weight))]


@asked.misconception(
    "only the lower bound is mended",
    says="Each projection still has its own s, and the bias is whole.",
    asks="Which of the values in the loop belong before it?",
)
def only_bounded(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    act_absmax: Tensor,
    alpha: float,
) -> list[Tensor]:
    weights = (q_weight, k_weight, v_weight)
    return _variant(norm_weight, norm_bias, weights, act_absmax, alpha, shared=False, bias=False)


@asked.misconception(
    "only the bias is mended",
    says="The bias is divided; each projection still has its own s, without a lower bound.",
    asks="How often does your norm get divided, and by what for a column of zeros?",
)
def only_bias(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    act_absmax: Tensor,
    alpha: float,
) -> list[Tensor]:
    weights = (q_weight, k_weight, v_weight)
    return _variant(norm_weight, norm_bias, weights, act_absmax, alpha, shared=False, bounded=False)


@asked.misconception(
    "only the shared s is mended",
    says="One s for all three; the bias is whole, and a column of zeros makes s infinite.",
    asks="What are the norm's two summands, and what is 1 / 0?",
)
def only_shared(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    act_absmax: Tensor,
    alpha: float,
) -> list[Tensor]:
    weights = (q_weight, k_weight, v_weight)
    return _variant(norm_weight, norm_bias, weights, act_absmax, alpha, bias=False, bounded=False)


@asked.misconception(
    "all three bugs are still there",
    says="Your function gives the same numbers as the one printed above.",
    asks="Which of its lines have you changed?",
)
def as_printed(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    act_absmax: Tensor,
    alpha: float,
) -> Five:
    return attention_with_three_bugs(norm_weight, norm_bias, q_weight, k_weight, v_weight, act_absmax, alpha)


@asked.also_correct("the maximum over all three, by hand")
def by_hand(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    act_absmax: Tensor,
    alpha: float,
) -> Five:
    largest = act_absmax.new_full(act_absmax.shape, 1e-5)
    for weight in (q_weight, k_weight, v_weight):
        largest = largest.maximum(weight.abs().amax(dim=0))
    s = (act_absmax**alpha / largest ** (1 - alpha)).clamp_min(1e-5)
    return norm_weight / s, norm_bias / s, q_weight * s, k_weight * s, v_weight * s


@asked.also_correct("one stacked weight")
def stacked(
    norm_weight: Tensor,
    norm_bias: Tensor,
    q_weight: Tensor,
    k_weight: Tensor,
    v_weight: Tensor,
    act_absmax: Tensor,
    alpha: float,
) -> list[Tensor]:
    import torch

    parts = [q_weight, k_weight, v_weight]
    together = torch.cat(parts)
    inverse = 1 / quantization.smooth_scales(act_absmax, together, alpha)
    split = torch.split(together / inverse, [len(part) for part in parts])
    return [norm_weight * inverse, norm_bias * inverse, *split]
