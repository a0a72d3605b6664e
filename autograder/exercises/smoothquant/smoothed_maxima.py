"""A derivation step: the maxima on both sides after smoothing."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case

Two = tuple[Tensor, Tensor]


def smoothed_maxima(act_absmax: Tensor, weight_absmax: Tensor, alpha: float) -> Two:
    """max|X_j| / s_j and max|W_j| · s_j, for s_j = max|X_j|^α / max|W_j|^(1 − α)."""
    product = act_absmax * weight_absmax
    return product ** (1 - alpha), product**alpha


def _maxima(channels: int, alpha: float) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        act, weight = np.exp(rng.normal(1, 1, size=channels)), np.exp(rng.normal(-1, 1, size=channels))
        return {"act_absmax": act, "weight_absmax": weight, "alpha": alpha}

    return case(f"{channels} channels and α = {alpha}", make)


asked = Exercise(
    "smoothquant.smoothed_maxima",
    title="What α does to the maxima",
    minutes=8,
    skills=["derivation", "migration"],
    reference=smoothed_maxima,
    outputs=["maximum of X", "maximum of W"],
    groups={"value": 2},
    cases=[_maxima(2, 0.5), _maxima(3, 0.75), _maxima(4, 0.2), _maxima(3, 1.0), _maxima(3, 0.0)],
    hints=[
        "Dividing channel j by s_j divides its maximum by s_j. Put the formula of s_j in, and collect the exponents.",
        "A = max|X_j|, B = max|W_j|, s = A^α B^{α−1}. What are A/s and B·s, as powers of A and of B?",
        "A / s is A^{1−α} B^{1−α}, and B · s is A^α B^α: powers of the same product. At α = ½ they are equal.",
    ],
    follow_up="Which α gives all activation channels the same maximum, and what do the weights look like then?",
)


@asked.misconception(
    "the two are exchanged",
    says="Your first result is the weight's maximum, your second the activation's.",
    asks="With α = 1 everything moves into the weights. Whose maxima are then all 1?",
)
def exchanged(act_absmax: Tensor, weight_absmax: Tensor, alpha: float) -> Two:
    product = act_absmax * weight_absmax
    return product**alpha, product ** (1 - alpha)


@asked.misconception(
    "α is always one half",
    says="You return √(A·B) on both sides: right for α = ½ only.",
    asks="What is left of X at α = 1?",
)
def always_half(act_absmax: Tensor, weight_absmax: Tensor, alpha: float) -> Two:
    root = (act_absmax * weight_absmax).sqrt()
    return root, root


@asked.misconception(
    "s multiplies the activations",
    says="You multiply the activations and divide the weights.",
    asks="Which side has the outliers, and has to become smaller?",
)
def turned_round(act_absmax: Tensor, weight_absmax: Tensor, alpha: float) -> Two:
    scale = act_absmax**alpha / weight_absmax ** (1 - alpha)
    return act_absmax * scale, weight_absmax / scale


@asked.misconception(
    "both are divided",
    says="You divide X and W by s, so that the product of the layer changes.",
    asks="What must multiply s_j, so that the output stays what it was?",
)
def both_divided(act_absmax: Tensor, weight_absmax: Tensor, alpha: float) -> Two:
    scale = act_absmax**alpha / weight_absmax ** (1 - alpha)
    return act_absmax / scale, weight_absmax / scale


@asked.misconception(
    "the weight keeps its maximum",
    says="Your activations are right, but the weights are as they were.",
    asks="Where has the factor s_j gone that X was divided by?",
)
def weight_unchanged(act_absmax: Tensor, weight_absmax: Tensor, alpha: float) -> Two:
    return (act_absmax * weight_absmax) ** (1 - alpha), weight_absmax


@asked.misconception(
    "s leaves the weights out",
    says="You use s = A^α, without B^{1−α} in the denominator.",
    asks="What is s if α = 0, by the formula above?",
)
def without_weights(act_absmax: Tensor, weight_absmax: Tensor, alpha: float) -> Two:
    return act_absmax ** (1 - alpha), weight_absmax * act_absmax**alpha


@asked.misconception(
    "the weight's exponent is α",
    says="You use s = A^α / B^α.",
    asks="Which exponent belongs to the weights, so that at α = 0 all weight maxima become 1?",
)
def exponent_of_weights(act_absmax: Tensor, weight_absmax: Tensor, alpha: float) -> Two:
    scale = (act_absmax / weight_absmax) ** alpha
    return act_absmax / scale, weight_absmax * scale


@asked.misconception(
    "a product where s has a quotient",
    says="You use s = A^α · B^{1−α}.",
    asks="A channel with large weights: should its activations be divided by more, or by less?",
)
def product(act_absmax: Tensor, weight_absmax: Tensor, alpha: float) -> Two:
    scale = act_absmax**alpha * weight_absmax ** (1 - alpha)
    return act_absmax / scale, weight_absmax * scale


@asked.misconception(
    "α and 1 − α are exchanged in s",
    says="You use s = A^{1−α} / B^α.",
    asks="At α = 0, should activations or weights be smoothed completely?",
    same_as="exchanged: with exchanged exponents each side gets the other's maximum",
)
def alpha_swapped(act_absmax: Tensor, weight_absmax: Tensor, alpha: float) -> Two:
    scale = act_absmax ** (1 - alpha) / weight_absmax**alpha
    return act_absmax / scale, weight_absmax * scale


@asked.also_correct("by way of s")
def by_way_of_s(act_absmax: Tensor, weight_absmax: Tensor, alpha: float) -> Two:
    scale = act_absmax**alpha / weight_absmax ** (1 - alpha)
    return act_absmax / scale, weight_absmax * scale


@asked.also_correct("in logarithms")
def in_logarithms(act_absmax: Tensor, weight_absmax: Tensor, alpha: float) -> list[Tensor]:
    total = torch.log(act_absmax) + torch.log(weight_absmax)
    return [torch.exp(share * total) for share in (1 - alpha, alpha)]
