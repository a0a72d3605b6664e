"""Which steps let a positive factor of each channel through?"""

import operator
from collections.abc import Callable

import torch
from numpy.random import Generator
from torch import nn

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization

STEPS: dict[str, Callable[[], nn.Module | Callable]] = {
    "linear": lambda: nn.Linear(2, 2),
    "layernorm": lambda: nn.LayerNorm(2),
    "rmsnorm": lambda: nn.RMSNorm(2),
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softmax": lambda: nn.Softmax(-1),
    "dropout": nn.Dropout,
    "times another branch": lambda: operator.mul,
    "plus another branch": lambda: operator.add,
}


def folds_through(path: list[str]) -> bool:
    """Whether s can be divided out in the first step of a path, by `quantization.can_fold`."""
    return quantization.can_fold([STEPS[step]() for step in path])


def _path(*steps: str) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        return {"path": list(steps)}

    return case(" → ".join(steps), make)


asked = Exercise(
    "smoothquant.folds_through",
    title="What may stand between",
    minutes=6,
    skills=["folding", "layers"],
    reference=folds_through,
    outputs=["answer"],
    groups={"value": 2},
    cases=[
        _path("layernorm"),
        _path("linear", "gelu"),
        _path("linear", "relu"),
        _path("linear", "silu", "times another branch"),
        _path("linear", "times another branch"),
        _path("rmsnorm", "dropout"),
        _path("gelu"),
        _path("linear", "relu", "gelu"),
        _path("linear", "softmax"),
        _path("linear", "layernorm"),
        _path("linear", "plus another branch"),
        _path("linear", "relu", "dropout"),
        _path("relu", "dropout"),
    ],
    write_yourself=["course_lib.quantization.folding:can_fold"],
    stretch=True,
    exact=True,
    hints=[
        "A path is fine if its first step has numbers to divide, and each later step f has f(x / s) = f(x) / s, for "
        "every positive s of a channel.",
        "First: linear, layernorm, rmsnorm. Later steps that pass a factor on: ReLU, dropout, a product with "
        "something else. A sum with something else does not: only one summand is divided.",
        "Two sets of names; return whether path[0] is in the first and all of path[1:] are in the second.",
    ],
    follow_up="gate_proj → SiLU → times up_proj → down_proj: through which of the two can down_proj be smoothed?",
)

_STARTS = ("linear", "layernorm", "rmsnorm")
_PASSES = ("relu", "dropout", "times another branch")


def _by(path: list[str], starts: tuple[str, ...], passes: tuple[str, ...]) -> bool:
    return path[0] in starts and all(step in passes for step in path[1:])


@asked.misconception(
    "through GELU",
    says="You let GELU through: but GELU(x / s) is not GELU(x) / s.",
    asks="What is GELU(−1), and what is GELU(−2) / 2?",
)
def through_gelu(path: list[str]) -> bool:
    return _by(path, _STARTS, (*_PASSES, "gelu"))


@asked.misconception(
    "through SiLU",
    says="You let SiLU through: x · σ(x) bends, and a factor inside comes out as another one.",
    asks="What is SiLU(4) / 4, and what is SiLU(1)?",
)
def through_silu(path: list[str]) -> bool:
    return _by(path, _STARTS, (*_PASSES, "silu"))


@asked.misconception(
    "through any activation function",
    says="You let ReLU, GELU and SiLU through alike.",
    asks="For which of the three is f(x / s) = f(x) / s?",
)
def through_activations(path: list[str]) -> bool:
    return _by(path, _STARTS, (*_PASSES, "gelu", "silu"))


@asked.misconception(
    "through everything",
    says="You look at the first step only.",
    asks="What does a softmax do with a vector whose entries were divided by different numbers?",
)
def through_everything(path: list[str]) -> bool:
    return path[0] in _STARTS


@asked.misconception(
    "not through ReLU",
    says="You stop at every activation function, but max(0, x / s) = max(0, x) / s for s > 0.",
    asks="Where does ReLU have its bend, and does dividing by s move it?",
)
def not_relu(path: list[str]) -> bool:
    return _by(path, _STARTS, ("dropout", "times another branch"))


@asked.misconception(
    "norms only",
    says="You allow nothing but a norm directly before. A linear layer can be divided, too.",
    asks="What happens to W x + b, if the rows of W and b are divided by s?",
)
def norms_only(path: list[str]) -> bool:
    return _by(path, ("layernorm", "rmsnorm"), ("dropout",))


@asked.misconception(
    "through a second norm",
    says="You let a norm through that comes later: it mixes all channels in its statistics.",
    asks="Does a LayerNorm give 1 / s_j of each channel, when channels come divided by different numbers?",
)
def through_norm(path: list[str]) -> bool:
    return _by(path, _STARTS, (*_PASSES, "layernorm", "rmsnorm"))


@asked.misconception(
    "through a sum",
    says="You let a residual connection through: only one of its two summands was divided.",
    asks="(a / s) + b = (a + b) / s: for which b?",
)
def through_sum(path: list[str]) -> bool:
    return _by(path, _STARTS, (*_PASSES, "plus another branch"))


@asked.misconception(
    "not through a product",
    says="You stop where another branch is multiplied in, but (a / s) · b = (a · b) / s.",
    asks="In LLaMA's gated MLP, which two branches are multiplied before down_proj?",
)
def not_product(path: list[str]) -> bool:
    return _by(path, _STARTS, ("relu", "dropout"))


@asked.misconception(
    "the first step is not looked at",
    says="You accept paths that begin with a step without weights: there is nothing to divide.",
    asks="Where would you write 1 / s, if the path begins with a ReLU?",
)
def any_start(path: list[str]) -> bool:
    return all(step in _PASSES for step in path[1:])


@asked.also_correct("two sets")
def two_sets(path: list[str]) -> bool:
    first, *later = path
    return first in {"linear", "layernorm", "rmsnorm"} and set(later) <= {
        "relu",
        "dropout",
        "times another branch",
    }


@asked.also_correct("tried on a number")
def tried(path: list[str]) -> float:
    x, s = torch.tensor([-1.5, 2.0, 0.3]), torch.tensor([3.0, 0.5, 2.0])
    functions = {
        "relu": torch.relu,
        "gelu": nn.functional.gelu,
        "silu": nn.functional.silu,
        "softmax": lambda x: x.softmax(0),
        "dropout": lambda x: x,
        "times another branch": lambda x: x * torch.tensor([2.0, 5.0, -1.0]),
        "plus another branch": lambda x: x + torch.tensor([2.0, 5.0, -1.0]),
        "layernorm": lambda x: nn.functional.layer_norm(x, (3,)),
    }
    if "norm" not in path[0] and path[0] != "linear":
        return 0.0
    whole, divided = x, x / s
    for step in path[1:]:
        whole, divided = functions[step](whole), functions[step](divided)
    return float(torch.allclose(divided, whole / s))
