"""The upper Cholesky factor of the inverse: all the inverses that the loop will need, at once."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _hessian(width: int) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        x = rng.normal(size=(3 * width, width)) @ (np.eye(width) + rng.normal(size=(width, width)) / 2)
        return {"hessian": 2 * x.T @ x / len(x)}

    return case(f"a Hessian of {width} inputs", make)


asked = Exercise(
    "post_training.inverse_factor",
    title="All inverses at once",
    minutes=7,
    skills=["Cholesky", "triangular matrices"],
    reference=quantization.inverse_factor,
    outputs=["factor"],
    groups={"value": 2},
    cases=[_hessian(2), _hessian(4), _hessian(6)],
    hints=[
        "Two steps: invert, then factorise. Which of the two triangles does the loop read?",
        "torch.linalg.cholesky gives L with A = LLᵀ, or, asked for it, the other triangle. Of which matrix A?",
        "Take torch.linalg.inv of the Hessian and give it to torch.linalg.cholesky with upper=True.",
    ],
    follow_up="Why would a good library not form the inverse with torch.linalg.inv, but go through a factor of H?",
)


@asked.misconception(
    "the lower factor",
    says="You give Uᵀ: its row i belongs to the columns up to i, which are fixed by then.",
    asks="When column i has been rounded, which columns are still to come: those left or right of the diagonal?",
)
def lower(hessian: Tensor) -> Tensor:
    return torch.linalg.cholesky(torch.linalg.inv(hessian))


@asked.misconception(
    "the factor of H",
    says="You factorise H itself; the reaction of the others stands in its inverse.",
    asks="UᵀU should be which matrix?",
)
def of_the_hessian(hessian: Tensor) -> Tensor:
    return torch.linalg.cholesky(hessian, upper=True)


@asked.misconception(
    "the inverse of H's upper factor",
    says="Your matrix is upper triangular, but the product in the other order gives the inverse: UUᵀ, not UᵀU.",
    asks="If H = RᵀR, what is the inverse in terms of the inverse of R, and in which order?",
)
def other_order(hessian: Tensor) -> Tensor:
    return torch.linalg.inv(torch.linalg.cholesky(hessian, upper=True))


@asked.misconception(
    "the inverse of H's lower factor",
    says="AᵀA is the inverse of H, but your A is lower triangular.",
    asks="Which rows of a lower factor reach columns to the right of the diagonal?",
)
def inverse_of_lower(hessian: Tensor) -> Tensor:
    return torch.linalg.inv(torch.linalg.cholesky(hessian))


@asked.misconception(
    "the inverse, not factorised",
    says="You give the inverse of H itself: right for the first column, and wrong once that one is fixed.",
    asks="Which inverse is needed when column 0 must not move any more?",
)
def only_inverse(hessian: Tensor) -> Tensor:
    return torch.linalg.inv(hessian)


@asked.misconception(
    "the upper half of the inverse",
    says="You cut the inverse off below the diagonal. A triangle of a matrix is not its triangular factor.",
    asks="What does UᵀU give for your U?",
)
def upper_half(hessian: Tensor) -> Tensor:
    return torch.linalg.inv(hessian).triu()


@asked.misconception(
    "every row divided by its diagonal",
    says="Your rows begin with 1: good for the update, but UᵀU is not the inverse of H.",
    asks="Which division does the loop still want to do itself?",
)
def unit_diagonal(hessian: Tensor) -> Tensor:
    factor = torch.linalg.cholesky(torch.linalg.inv(hessian), upper=True)
    return factor / factor.diagonal()[:, None]


@asked.also_correct("the transposed lower factor")
def transposed(hessian: Tensor) -> Tensor:
    return torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(hessian))).mT.contiguous()


@asked.also_correct("H factorised from the last column on")
def backwards(hessian: Tensor) -> Tensor:
    flipped = torch.linalg.cholesky(hessian.flip(0, 1))
    return torch.linalg.inv(flipped.flip(0, 1))


@asked.also_correct("one elimination for each column")
def eliminated(hessian: Tensor) -> Tensor:
    rest = torch.linalg.inv(hessian).clone()
    rows = []
    for i in range(len(rest)):
        row = rest[i] / rest[i, i].sqrt()
        rows.append(torch.cat([torch.zeros(i, dtype=row.dtype), row[i:]]))
        rest = rest - torch.outer(row, row)
    return torch.stack(rows)


@asked.also_correct("Cholesky by hand, row by row")
def cholesky_by_hand(hessian: Tensor) -> Tensor:
    inv = torch.linalg.inv(hessian)
    u = torch.zeros_like(inv)
    for i in range(len(inv)):
        above = u[:i, i]
        u[i, i] = (inv[i, i] - (above * above).sum()) ** 0.5
        u[i, i + 1 :] = (inv[i, i + 1 :] - above @ u[:i, i + 1 :]) / u[i, i]
    return u
