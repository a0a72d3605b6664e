"""Spot the bugs: GPTQ whose updates wait for the end of a block."""

from itertools import combinations

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from autograder.exercises.post_training.gptq import CLEAR, walk
from course_lib import quantization


def gptq_in_blocks(weight: Tensor, inputs: Tensor, bits: int, block_size: int) -> Tensor:
    """The result of GPTQ, which does not depend on the size of its blocks."""
    return quantization.gptq_quantize(weight, inputs, bits, block_size=block_size).weight


def _variant(
    weight: Tensor,
    inputs: Tensor,
    bits: int,
    block_size: int,
    *,
    divided: bool = True,
    stops: bool = True,
    right_rows: bool = True,
) -> Tensor:
    """The function with some of its bugs mended."""
    w, width = weight.clone(), weight.shape[1]
    codes = quantization.code_range(bits)
    grid = quantization.channel_qparams(w, *codes)
    factor = quantization.inverse_factor(quantization.layer_hessian(inputs))
    for start in range(0, width, block_size):
        stop = min(start + block_size, width)
        errors = torch.zeros(len(w), stop - start, dtype=w.dtype)
        for i in range(start, stop):
            q = quantization.quantize(w[:, i].contiguous(), *grid, *codes, axis=0)
            rounded = quantization.dequantize(q, *grid, axis=0)
            errors[:, i - start] = (w[:, i] - rounded) / (factor[i, i] if divided else 1)
            end = stop if stops else width
            w[:, i + 1 : end] -= torch.outer(errors[:, i - start], factor[i, i + 1 : end])
            w[:, i] = rounded
        rows = factor[start:stop, stop:] if right_rows else factor[: stop - start, stop:]
        w[:, stop:] -= errors @ rows
    return w


_BUGS = ("divided", "stops", "right_rows")


def _layer(outputs: int, inputs: int, bits: int, block_size: int) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        while True:
            mixing = np.eye(inputs) + rng.normal(size=(inputs, inputs)) / 2
            weight = rng.normal(size=(outputs, inputs))
            x = rng.normal(size=(24, inputs)) @ mixing * 0.15
            tensors = torch.from_numpy(weight), torch.from_numpy(x)
            if walk(*tensors, bits, 0.01)[1] > CLEAR and _tells_apart(*tensors, bits, block_size):
                return {"weight": weight, "inputs": x, "bits": bits, "block_size": block_size}

    return case(f"{outputs}×{inputs} weights in blocks of {block_size}", make)


def _tells_apart(weight: Tensor, inputs: Tensor, bits: int, block_size: int) -> bool:
    results = [
        _variant(weight, inputs, bits, block_size, **dict.fromkeys(left, False))
        for count in range(len(_BUGS))
        for left in combinations(_BUGS, count)
    ]
    return all(not torch.allclose(one, other) for one, other in combinations(results, 2))


asked = Exercise(
    "post_training.gptq_in_blocks",
    title="Spot the bugs",
    minutes=12,
    skills=["code review", "GPTQ"],
    reference=gptq_in_blocks,
    outputs=["weight"],
    groups={"value": 3},
    cases=[_layer(4, 6, 4, 2), _layer(4, 7, 4, 3), _layer(5, 6, 4, 2)],
    write_yourself=["course_lib.quantization.gptq:gptq_quantize"],
    stretch=True,
    hints=[
        "There are three. Every column to the right of i has to receive the update of column i exactly once, and it is the "
        "same update as in the plain loop.",
        "One is in what is kept as the error, one in how far the inner update reaches, one in which rows of the factor "
        "belong to the block.",
        "The error is divided by factor[i, i]; the inner update ends at stop, since what lies beyond comes in one "
        "product; and that product takes the rows from start to stop.",
    ],
    follow_up="The arithmetic is the same. Why are blocks so much faster on a large layer?",
)


@asked.misconception(
    "the error is still not divided",
    says="Two of the bugs are gone; what is fed forward lacks the division by the diagonal of the factor.",
    asks="What did the plain loop divide by?",
)
def division_left(weight: Tensor, inputs: Tensor, bits: int, block_size: int) -> Tensor:
    return _variant(weight, inputs, bits, block_size, divided=False)


@asked.misconception(
    "some columns are still updated twice",
    says="Two of the bugs are gone; columns beyond the block get each update in the inner loop, and again after it.",
    asks="Where should the inner update end?",
)
def twice_left(weight: Tensor, inputs: Tensor, bits: int, block_size: int) -> Tensor:
    return _variant(weight, inputs, bits, block_size, stops=False)


@asked.misconception(
    "the rows are still those of the first block",
    says="Two of the bugs are gone; the product after each block takes the first rows of the factor.",
    asks="Which rows of U do the errors of columns start … stop belong to?",
)
def rows_left(weight: Tensor, inputs: Tensor, bits: int, block_size: int) -> Tensor:
    return _variant(weight, inputs, bits, block_size, right_rows=False)


@asked.misconception(
    "only the division is mended",
    says="One bug is gone; how far the inner update reaches, and the rows after it, are as printed.",
    asks="How often does the last column hear of the error of the first, and from which row?",
)
def only_division(weight: Tensor, inputs: Tensor, bits: int, block_size: int) -> Tensor:
    return _variant(weight, inputs, bits, block_size, stops=False, right_rows=False)


@asked.misconception(
    "only the reach is mended",
    says="One bug is gone; the error and the rows of the product are as printed.",
    asks="By what is an error divided before it is passed on, and which row of U belongs to it?",
)
def only_reach(weight: Tensor, inputs: Tensor, bits: int, block_size: int) -> Tensor:
    return _variant(weight, inputs, bits, block_size, divided=False, right_rows=False)


@asked.misconception(
    "only the rows are mended",
    says="One bug is gone; the error, and how far the inner update reaches, are as printed.",
    asks="By what is an error divided, and how often does the last column hear of it?",
)
def only_rows(weight: Tensor, inputs: Tensor, bits: int, block_size: int) -> Tensor:
    return _variant(weight, inputs, bits, block_size, divided=False, stops=False)


@asked.also_correct("the printed code, mended")
def mended(weight: Tensor, inputs: Tensor, bits: int, block_size: int) -> Tensor:
    return _variant(weight, inputs, bits, block_size)


@asked.also_correct("no blocks at all")
def plain(weight: Tensor, inputs: Tensor, bits: int, block_size: int) -> Tensor:
    return walk(weight, inputs, bits, 0.01)[0]
