"""down_proj, smoothed through the gated MLP before it."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization

Three = tuple[Tensor, Tensor, Tensor]


def _linear(weight: Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
    linear.weight = nn.Parameter(weight)
    return linear


def fold_into_up(gate_weight: Tensor, up_weight: Tensor, down_weight: Tensor, scales: Tensor) -> Three:
    """The three weights after smoothing down_proj's input, by `quantization.fold_into_linear`."""
    up, (down,) = quantization.fold_into_linear(_linear(up_weight), _linear(down_weight), scales)
    assert isinstance(up, nn.Linear)
    return gate_weight, up.weight.detach(), down.weight.detach()


def _mlp(dim: int, hidden: int) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        return {
            "gate_weight": rng.normal(size=(hidden, dim)),
            "up_weight": rng.normal(size=(hidden, dim)),
            "down_weight": rng.normal(size=(dim, hidden)),
            "scales": np.exp(rng.normal(size=hidden)),
        }

    return case(f"a gated MLP of width {dim} and {hidden} inside", make)


asked = Exercise(
    "smoothquant.fold_into_up",
    title="Through the gated MLP",
    minutes=8,
    skills=["folding", "layers"],
    reference=fold_into_up,
    outputs=["gate_weight", "up_weight", "down_weight"],
    groups={"value": 2},
    cases=[_mlp(2, 3), _mlp(4, 4), _mlp(3, 5)],
    write_yourself=["course_lib.quantization.folding:fold_into_linear"],
    stretch=True,
    hints=[
        "x = SiLU(gate) · up goes into down_proj. x is to come divided by s: in which of the two factors can that be "
        "done?",
        "SiLU bends, so gate stays. Channel j of the product is output j of up_proj: a row of its weight.",
        "up_weight / scales[:, None], and down_weight * scales (its columns are the channels).",
    ],
    follow_up="Why does the authors' recipe for LLaMA leave this out, if it can be done exactly?",
)


@asked.misconception(
    "gate is divided",
    says="You divide gate_proj: SiLU(g / s) is not SiLU(g) / s.",
    asks="Which of the two factors meets an activation function first?",
)
def divides_gate(gate_weight: Tensor, up_weight: Tensor, down_weight: Tensor, scales: Tensor) -> Three:
    return gate_weight / scales[:, None], up_weight, down_weight * scales


@asked.misconception(
    "gate and up are both divided",
    says="You divide both factors of the product.",
    asks="If both factors came divided by s, what would their product be divided by?",
)
def divides_both(gate_weight: Tensor, up_weight: Tensor, down_weight: Tensor, scales: Tensor) -> Three:
    return gate_weight / scales[:, None], up_weight / scales[:, None], down_weight * scales


@asked.misconception(
    "nothing is divided",
    says="You multiply down_proj; nothing divides its input.",
    asks="Which layer puts out the channels that down_proj reads?",
)
def nothing_divided(gate_weight: Tensor, up_weight: Tensor, down_weight: Tensor, scales: Tensor) -> Three:
    return gate_weight, up_weight, down_weight * scales


@asked.misconception(
    "up is multiplied, down is divided",
    says="The product is preserved, but the outliers have grown.",
    asks="Which side is to become smaller?",
)
def reverse(gate_weight: Tensor, up_weight: Tensor, down_weight: Tensor, scales: Tensor) -> Three:
    return gate_weight, up_weight * scales[:, None], down_weight / scales


@asked.misconception(
    "down is divided as well",
    says="Both up and down are divided by s.",
    asks="(x / s) · (w ? s) = x · w: what stands for the question mark?",
)
def both_divided(gate_weight: Tensor, up_weight: Tensor, down_weight: Tensor, scales: Tensor) -> Three:
    return gate_weight, up_weight / scales[:, None], down_weight / scales


def _aligned(scales: Tensor, length: int) -> Tensor:
    """The scales laid along an axis of another length, as far as they reach."""
    return scales[torch.arange(length) % len(scales)]


@asked.misconception(
    "the columns of up are divided",
    says="You divide along up_proj's inputs; with as many inputs as hidden channels nothing raises.",
    asks="up_proj is [hidden, dim]. Along which axis are the channels that down_proj reads?",
)
def columns_of_up(gate_weight: Tensor, up_weight: Tensor, down_weight: Tensor, scales: Tensor) -> Three:
    return gate_weight, up_weight / _aligned(scales, up_weight.shape[1]), down_weight * scales


@asked.also_correct("with diagonal matrices")
def diagonals(gate_weight: Tensor, up_weight: Tensor, down_weight: Tensor, scales: Tensor) -> Three:
    return gate_weight.clone(), torch.diag(1 / scales) @ up_weight, down_weight @ torch.diag(scales)


@asked.also_correct("transposed")
def transposed(gate_weight: Tensor, up_weight: Tensor, down_weight: Tensor, scales: Tensor) -> Three:
    return gate_weight, (up_weight.T / scales).T, torch.einsum("oh,h->oh", down_weight, scales)
