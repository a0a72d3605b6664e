"""What three bugs in the blocks of GPTQ cost."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import quantization
from course_lib.experiments.gptq_awq.layer import layer, nearest, output_error


def blocks_with_three_bugs(weight: Tensor, inputs: Tensor, bits: int, block_size: int) -> Tensor:
    """The function that "Spot the bugs" prints: no division, updates twice, rows of the first block."""
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
            errors[:, i - start] = w[:, i] - rounded
            w[:, i + 1 :] -= torch.outer(errors[:, i - start], factor[i, i + 1 :])
            w[:, i] = rounded
        w[:, stop:] -= errors @ factor[: stop - start, stop:]
    return w


class BuggyBlocks(NamedTuple):
    """Output errors on other text over those of rounding to nearest."""

    printed: float
    mended: float
    block_sizes_differ: float


def buggy_blocks(matrix: str = "query", bits: int = 3, block_size: int = 64) -> BuggyBlocks:
    """Run the printed function and the library's on a real matrix.

    ``block_sizes_differ`` is the share of weights that differ between the library's results with blocks of
    1 and of ``block_size``, which should be none but for rounding errors at the middle of two codes.
    """
    real = layer()
    weight, x = real.weights[matrix].double(), real.factors["prose"].double()
    base = output_error(weight, nearest(weight, bits), real.held_out)
    printed = blocks_with_three_bugs(weight, x, bits, block_size)
    one, many = (
        quantization.gptq_quantize(weight, x, bits, block_size=size).weight for size in (1, block_size)
    )
    return BuggyBlocks(
        output_error(weight, printed, real.held_out) / base,
        output_error(weight, many, real.held_out) / base,
        float((one != many).double().mean()),
    )
