"""The derivation's last step: back through the normalisation."""

from collections.abc import Callable

import torch
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive

Gradient = Callable[[Tensor, Tensor], Tensor]


def _rows(batch: int, dim: int) -> CaseSpec:
    return case(
        f"{batch} rows of width {dim}",
        lambda rng: {
            "x": 2 * rng.normal(size=(batch, dim)) * rng.uniform(0.3, 3, size=(batch, 1)),
            "grad_unit": rng.normal(size=(batch, dim)),
        },
    )


def _radial(x: Tensor, grad_unit: Tensor) -> Tensor:
    unit = contrastive.l2_normalize(x)
    return unit * (unit * grad_unit).sum(dim=1, keepdim=True)


def _norm(x: Tensor) -> Tensor:
    return x.norm(dim=1, keepdim=True)


asked = Exercise(
    "infonce.normalize_grad",
    title="Back through the normalisation",
    minutes=12,
    skills=["Jacobian", "derivation", "projection"],
    reference=contrastive.normalize_grad,
    outputs=["gradient"],
    groups={"value": 2},
    cases=[_rows(2, 3), _rows(3, 3), _rows(5, 2)],
    intermediates={
        "unit vectors": lambda x, grad_unit: contrastive.l2_normalize(x),
        "radial part": _radial,
        "tangential part": lambda x, grad_unit: grad_unit - _radial(x, grad_unit),
    },
    hints=[
        "Changing x along itself does not change u = x/‖x‖. So which part of grad_unit cannot matter?",
        "Per row: the component of grad_unit along u is (u·g) u. Remove it, then account for the length of x.",
        "u = contrastive.l2_normalize(x); radial = (u * grad_unit).sum(dim=1, keepdim=True) * u; "
        "the answer is the rest, divided by the norm of x.",
    ],
    follow_up="The gradient is 1/‖x‖ times something. What does that do to the step size of long embeddings?",
)


@asked.misconception(
    "no projection",
    says="You only divide by the length; the component along x is still there.",
    asks="If x grows by 1 %, by how much does u change?",
)
def no_projection(x: Tensor, grad_unit: Tensor) -> Tensor:
    return grad_unit / _norm(x)


@asked.misconception(
    "not divided by the length",
    says="You project, but forget that a long x turns more slowly.",
    asks="How far does u move when x, ten times as long, moves by the same step?",
)
def not_divided(x: Tensor, grad_unit: Tensor) -> Tensor:
    return grad_unit - _radial(x, grad_unit)


@asked.misconception(
    "divided by the squared length",
    says="Your gradient has one factor 1/‖x‖ too many.",
    asks="How many factors 1/‖x‖ are left when (x·g) x is written with u instead of x?",
)
def squared(x: Tensor, grad_unit: Tensor) -> Tensor:
    return (grad_unit - _radial(x, grad_unit)) / _norm(x) ** 2


@asked.misconception(
    "projected with x instead of u",
    says="You subtract (x·g) x, which is ‖x‖² times the component along u.",
    asks="Which vector in I − u uᵀ has length 1?",
)
def raw_projection(x: Tensor, grad_unit: Tensor) -> Tensor:
    return (grad_unit - x * (x * grad_unit).sum(dim=1, keepdim=True)) / _norm(x)


@asked.misconception(
    "the radial part is kept instead of removed",
    says="Your gradient points along x, the one direction in which the loss does not change.",
    asks="Is u uᵀ the projection that keeps the radial part, or the one that removes it?",
)
def radial_only(x: Tensor, grad_unit: Tensor) -> Tensor:
    return _radial(x, grad_unit) / _norm(x)


@asked.misconception(
    "the radial part is added",
    says="You have I + u uᵀ where I − u uᵀ belongs.",
    asks="What should your gradient, multiplied by x, give?",
)
def plus(x: Tensor, grad_unit: Tensor) -> Tensor:
    return (grad_unit + _radial(x, grad_unit)) / _norm(x)


@asked.misconception(
    "one dot product for the whole batch",
    says="Your u·g sums over all rows, so rows disturb each other.",
    asks="How many numbers u·g are there in a batch of N rows?",
)
def batch_dot(x: Tensor, grad_unit: Tensor) -> Tensor:
    unit = contrastive.l2_normalize(x)
    return (grad_unit - unit * (unit * grad_unit).sum()) / _norm(x)


@asked.also_correct("the quotient rule, in x alone")
def quotient_rule(x: Tensor, grad_unit: Tensor) -> Tensor:
    norm = _norm(x)
    return grad_unit / norm - x * (x * grad_unit).sum(1, keepdim=True) / norm**3


@asked.also_correct("the full Jacobian")
def full_jacobian(x: Tensor, grad_unit: Tensor) -> Tensor:
    unit, eye = contrastive.l2_normalize(x), torch.eye(x.shape[1], dtype=x.dtype)
    jacobians = (eye - unit[:, :, None] * unit[:, None, :]) / _norm(x)[:, :, None]
    return torch.einsum("nij,nj->ni", jacobians, grad_unit)
