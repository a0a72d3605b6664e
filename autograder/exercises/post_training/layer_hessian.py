"""The Hessian of a layer's output error: which inputs occur, and which occur together."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _short(x: np.ndarray) -> np.ndarray:
    """Inputs of few binary digits: a λ made in float32, as by torch.eye without a dtype, is then exact too."""
    return np.clip(np.round(8 * x), -24, 24) / 8


def _inputs(tokens: int, width: int, damping: float, group: str | None = None) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        x = (rng.normal(size=(tokens, width)) + 0.5) @ (np.eye(width) + rng.normal(size=(width, width)) / 2)
        return {"inputs": _short(x), "damping": damping}

    return case(f"{tokens} tokens, {width} inputs and damping {damping:g}", make, group=group)


def _with_dead_inputs(rng: Generator) -> dict[str, object]:
    # Four of eight, so that both means, with them and without, have few binary digits too.
    x = _short(0.25 * rng.normal(size=(6, 8))) + 1 / 8
    x[0] += 1 / 4  # no other input is always 0
    x[:, rng.permutation(8)[:4]] = 0
    return {"inputs": x, "damping": 0.125}


asked = Exercise(
    "post_training.layer_hessian",
    title="What a change of the weights costs",
    minutes=8,
    skills=["Hessian", "least squares", "damping"],
    reference=quantization.layer_hessian,
    outputs=["hessian"],
    groups={"hessian": 1, "damping": 1, "dead inputs": 1},
    cases=[
        _inputs(5, 3, 0.0),
        _inputs(4, 4, 0.0),
        _inputs(7, 4, 0.0625, "damping"),
        _inputs(3, 8, 0.25, "damping"),
        case("inputs that are always 0", _with_dead_inputs, group="dead inputs"),
    ],
    hints=[
        "Write the squared error of one output as a quadratic form in the error of its weights. What stands in the "
        "middle, and what is its second derivative?",
        "2 XᵀX is [inputs, inputs]. Then its diagonal: dead entries (0) become the mean of the others; and the mean of "
        "the diagonal times the damping is added to all of it.",
        "hessian = 2 times inputs.T @ inputs; diagonal = hessian.diagonal(); dead = diagonal == 0; set "
        "diagonal[dead] to diagonal[~dead].mean(), then add damping times the mean. (diagonal() is a view: writing "
        "into it changes the matrix.)",
    ],
    follow_up="Your calibration set does not fit into memory. What do you keep of each batch?",
)


def _lift(hessian: Tensor, damping: float) -> Tensor:
    """Dead entries, then damping, as asked."""
    d = torch.diagonal(hessian).clone()
    alive = d != 0
    d = torch.where(alive, d, d.sum() / alive.sum())
    return hessian - torch.diag(torch.diagonal(hessian)) + torch.diag(d + damping * d.mean())


@asked.misconception(
    "the tokens' Gram matrix",
    says="You give 2 XXᵀ, which compares tokens with each other.",
    asks="Which indices must be left: tokens or inputs? Over which one does the error sum?",
)
def no_transposition(inputs: Tensor, damping: float) -> Tensor:
    return _lift(2 * inputs @ inputs.T, damping)


@asked.misconception(
    "nothing is damped",
    says="Your matrix is right where the damping is 0; with 3 tokens for 8 inputs it cannot be inverted.",
    asks="Where does λ go, and what is it a share of?",
)
def not_damped(inputs: Tensor, damping: float) -> Tensor:
    return _lift(2 * inputs.T @ inputs, 0.0)


@asked.misconception(
    "the damping is not relative",
    says="You add the damping itself: 0.01 is nothing for inputs of size 100, and everything for inputs of size 0.01.",
    asks="What is λ, if all inputs are doubled?",
)
def absolute_damping(inputs: Tensor, damping: float) -> Tensor:
    return _lift(2 * inputs.T @ inputs, 0.0) + damping * torch.eye(inputs.shape[1])


@asked.misconception(
    "the mean of the whole matrix",
    says="Your λ is a share of the mean of all entries; off the diagonal they have both signs and tend to cancel.",
    asks="The mean of which entries says how large an input typically is?",
)
def mean_of_everything(inputs: Tensor, damping: float) -> Tensor:
    hessian = _lift(2 * inputs.T @ inputs, 0.0)
    return hessian + damping * hessian.mean() * torch.eye(len(hessian))


@asked.misconception(
    "the damping is added everywhere",
    says="You add λ to every entry, which tells GPTQ that all inputs go together.",
    asks="Which matrix is added λ times?",
)
def added_everywhere(inputs: Tensor, damping: float) -> Tensor:
    hessian = _lift(2 * inputs.T @ inputs, 0.0)
    return hessian + damping * hessian.diagonal().mean()


@asked.misconception(
    "the mean over the tokens",
    says="Your matrix is the right one divided by the number of tokens.",
    asks="The error is summed over tokens. (GPTQ's result would be the same: why?)",
)
def mean_over_tokens(inputs: Tensor, damping: float) -> Tensor:
    return _lift(2 * inputs.T @ inputs / len(inputs), damping)


@asked.misconception(
    "the mean over the tokens, and a dead input has the damping alone",
    says="Your matrix is divided by the number of tokens, and an input that is always 0 keeps a 0 before the damping.",
    asks="Is the error a sum over tokens or a mean? And what should stand on the diagonal of a dead input?",
)
def mean_and_dead_left(inputs: Tensor, damping: float) -> Tensor:
    hessian = 2 * inputs.T @ inputs / len(inputs)
    return hessian + damping * hessian.diagonal().mean() * torch.eye(len(hessian))


@asked.misconception(
    "the mean over the inputs",
    says="Your matrix is divided by the number of inputs: a mean over the axis that stays.",
    asks="Which axis disappears in XᵀX?",
)
def mean_over_inputs(inputs: Tensor, damping: float) -> Tensor:
    return _lift(2 * inputs.T @ inputs / inputs.shape[1], damping)


@asked.misconception(
    "the 2 is missing",
    says="You give XᵀX + λI with half of λ: half of the second derivative.",
    asks="What is the second derivative of a·w²?",
)
def no_two(inputs: Tensor, damping: float) -> Tensor:
    return _lift(inputs.T @ inputs, damping)


@asked.misconception(
    "the covariance",
    says="You subtract each input's mean first, and forget what a constant input does to the output.",
    asks="Is an error in a weight harmless, if its input is always 1?",
)
def centred(inputs: Tensor, damping: float) -> Tensor:
    x = inputs - inputs.mean(dim=0)
    return _lift(2 * x.T @ x, damping)


@asked.misconception(
    "a dead input has the damping alone",
    says="An input that is always 0 is right neither on the diagonal nor in the mean: its zero drags λ down.",
    asks="What should stand on its diagonal before the mean is taken?",
)
def dead_left(inputs: Tensor, damping: float) -> Tensor:
    hessian = 2 * inputs.T @ inputs
    return hessian + damping * hessian.diagonal().mean() * torch.eye(len(hessian))


@asked.misconception(
    "a dead input gets a 1",
    says="You put 1 on the diagonal of a dead input, as the authors' code does, whatever the size of the others.",
    asks="Here it is to be typical: which number is that?",
    source="IST-DASLab/gptq, fasterquant: H[dead, dead] = 1",
)
def dead_is_one(inputs: Tensor, damping: float) -> Tensor:
    hessian = 2 * inputs.T @ inputs
    hessian += torch.diag((hessian.diagonal() == 0).to(hessian.dtype))
    return hessian + damping * hessian.diagonal().mean() * torch.eye(len(hessian))


@asked.also_correct("with an identity matrix in float32")
def with_eye(inputs: Tensor, damping: float) -> Tensor:
    hessian = 2 * (inputs.T @ inputs)
    d = torch.diag(hessian)
    dead = d == 0
    hessian[dead, dead] = d[~dead].mean()
    return hessian + damping * torch.diag(hessian).mean() * torch.eye(inputs.shape[1])


@asked.also_correct("einsum, and a mask")
def with_einsum(inputs: Tensor, damping: float) -> Tensor:
    return _lift(2 * torch.einsum("ti,tj->ij", inputs, inputs), damping)


@asked.also_correct("token by token")
def token_by_token(inputs: Tensor, damping: float) -> Tensor:
    hessian = torch.stack([torch.outer(x, x) for x in inputs]).sum(dim=0) * 2
    squares = inputs.square().sum(dim=0) * 2
    typical = squares[squares > 0].mean()
    lift = (squares == 0) * typical + damping * typical
    return hessian + torch.diag(lift)


@asked.also_correct("in place, on the view of the diagonal")
def in_place(inputs: Tensor, damping: float) -> Tensor:
    gram = inputs.T @ inputs
    gram += gram.clone()
    view = gram.diagonal()
    view[view == 0] = view[view != 0].mean()
    view += view.mean() * damping
    return gram
