"""Optimal brain surgery for one column: fix it, and let the others make up for it."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _layer(outputs: int, inputs: int, column: int) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        x = rng.normal(size=(3 * inputs, inputs)) @ (np.eye(inputs) + rng.normal(size=(inputs, inputs)) / 2)
        weight = rng.normal(size=(outputs, inputs))
        return {
            "weight": weight,
            "column": column,
            "values": np.round(weight[:, column]) + rng.uniform(0.1, 0.3, size=outputs),
            "hessian": 2 * x.T @ x / len(x),
        }

    return case(f"column {column} of {outputs}×{inputs} weights", make)


asked = Exercise(
    "post_training.compensate",
    title="Let the others make up for it",
    minutes=10,
    skills=["optimal brain surgeon", "Lagrange multiplier"],
    reference=quantization.compensate,
    outputs=["weight"],
    groups={"value": 3},
    cases=[_layer(1, 2, 0), _layer(2, 4, 1), _layer(4, 4, 2), _layer(3, 5, 4)],
    hints=[
        "The last line of the derivation is the answer. All rows of the weight have the same Hessian, and each has its "
        "own error in the column.",
        "Row i of the inverse, [inputs], divided by its entry i: how all columns move for an error of 1. The errors are "
        "[outputs]. The outer product of the two is subtracted.",
        "inverse = torch.linalg.inv(hessian); row = inverse[column] / inverse[column, column]; subtract the outer "
        "product of (weight[:, column] - values) and row.",
    ],
    follow_up="What is left of the formula, if the inputs are not correlated?",
)


def _moved(weight: Tensor, column: int, values: Tensor, row: Tensor) -> Tensor:
    moved = weight - torch.outer(weight[:, column] - values, row)
    moved[:, column] = values
    return moved


@asked.misconception(
    "only the column is set",
    says="The other columns stay as they were: that is rounding to nearest.",
    asks="Which columns may still move, so that the output hardly does?",
)
def nothing_moves(weight: Tensor, column: int, values: Tensor, hessian: Tensor) -> Tensor:
    return _moved(weight, column, values, torch.zeros_like(hessian[0]))


@asked.misconception(
    "the Hessian is not inverted",
    says="You move along a row of H instead of one of its inverse: to the wrong side, for two correlated inputs.",
    asks="In the derivation, what had to be solved for δ?",
)
def not_inverted(weight: Tensor, column: int, values: Tensor, hessian: Tensor) -> Tensor:
    return _moved(weight, column, values, hessian[column] / hessian[column, column])


@asked.misconception(
    "the others move to the wrong side",
    says="The others move by the right amount the wrong way, so the output error grows.",
    asks="For two equal inputs: one weight went up by 0.1. Where must the other go?",
)
def wrong_side(weight: Tensor, column: int, values: Tensor, hessian: Tensor) -> Tensor:
    row = torch.linalg.inv(hessian)[column]
    return _moved(weight, column, values, -row / row[column])


@asked.misconception(
    "not divided by the diagonal of the inverse",
    says="The others move along the right direction, but not by the right amount.",
    asks="What does your formula give for column i itself: its prescribed value?",
)
def not_divided(weight: Tensor, column: int, values: Tensor, hessian: Tensor) -> Tensor:
    return _moved(weight, column, values, torch.linalg.inv(hessian)[column])


@asked.misconception(
    "divided by the diagonal of H",
    says="You divide by H_ii; the formula has the diagonal of the inverse, which is not 1 / H_ii.",
    asks="Of which matrix is the entry below the fraction bar?",
)
def wrong_diagonal(weight: Tensor, column: int, values: Tensor, hessian: Tensor) -> Tensor:
    row = torch.linalg.inv(hessian)[column]
    return _moved(weight, column, values, row / hessian[column, column])


@asked.misconception(
    "multiplied by H_ii",
    says="You multiply by H_ii, as if it were 1 over the diagonal of the inverse: true only without correlation.",
    asks="Is the inverse of a diagonal entry an entry of the inverse?",
)
def one_over(weight: Tensor, column: int, values: Tensor, hessian: Tensor) -> Tensor:
    row = torch.linalg.inv(hessian)[column]
    return _moved(weight, column, values, row * hessian[column, column])


@asked.misconception(
    "only columns to the right move",
    says="GPTQ's loop will leave the left ones alone, because they are fixed by then. Here none is fixed yet.",
    asks="Which columns are free when a single one has been fixed?",
)
def only_to_the_right(weight: Tensor, column: int, values: Tensor, hessian: Tensor) -> Tensor:
    row = torch.linalg.inv(hessian)[column].clone()
    row[:column] = 0
    return _moved(weight, column, values, row / row[column])


@asked.misconception(
    "one error for all rows",
    says="You use the mean error of the column; every output has its own.",
    asks="What is the shape of weight[:, column] - values?",
)
def one_error(weight: Tensor, column: int, values: Tensor, hessian: Tensor) -> Tensor:
    row = torch.linalg.inv(hessian)[column]
    mean = (weight[:, column] - values).mean().expand(len(weight))
    moved = weight - torch.outer(mean, row / row[column])
    moved[:, column] = values
    return moved


@asked.also_correct("least squares over the free columns")
def free_columns(weight: Tensor, column: int, values: Tensor, hessian: Tensor) -> Tensor:
    free = [j for j in range(weight.shape[1]) if j != column]
    reaction = torch.linalg.solve(hessian[free][:, free], hessian[free, column])
    result = weight.clone()
    result[:, column] = values
    result[:, free] -= (values - weight[:, column])[:, None] * reaction
    return result


@asked.also_correct("row by row, with the inverse")
def row_by_row(weight: Tensor, column: int, values: Tensor, hessian: Tensor) -> Tensor:
    inv = torch.inverse(hessian)
    rows = [
        w - (w[column] - v) * inv[:, column] / inv[column, column]
        for w, v in zip(weight, values, strict=True)
    ]
    return torch.stack(rows)


@asked.also_correct("with a Lagrange multiplier, as one linear system")
def with_a_multiplier(weight: Tensor, column: int, values: Tensor, hessian: Tensor) -> Tensor:
    n = len(hessian)
    system = torch.zeros(n + 1, n + 1, dtype=hessian.dtype)
    system[:n, :n] = hessian
    system[n, column] = system[column, n] = 1
    right = torch.zeros(n + 1, len(weight), dtype=hessian.dtype)
    right[n] = values - weight[:, column]
    return weight + torch.linalg.solve(system, right)[:n].T
