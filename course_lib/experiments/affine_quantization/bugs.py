"""What an error measure shows of three bugs."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import quantization
from course_lib.experiments.random import random_rows


def rows_with_three_bugs(weight: Tensor, bits: int) -> Tensor:
    """The function that "Spot the bugs" prints: too many codes, scales of the inputs, a fraction cut off."""
    qmax = 2**bits - 1
    scale = weight.abs().amax(dim=0, keepdim=True) / qmax
    codes = (weight / scale).to(torch.int8)
    return codes * scale


class BuggyRows(NamedTuple):
    """Signal to noise of the printed function and of the mended one, in dB, and the codes that each uses."""

    printed: float
    mended: float
    printed_codes: int
    mended_codes: int


def buggy_rows(bits: int = 4, size: int = 512, seed: int = 0) -> BuggyRows:
    """Quantize a Gaussian weight matrix both ways, and count the different codes of one channel."""
    weight = random_rows(size, size, seed)
    qmin, qmax = quantization.code_range(bits, narrow=True)
    right = quantization.quantize_per_channel(weight, qmin, qmax, 0, symmetric=True)
    values = quantization.dequantize(*right, axis=0)
    printed = rows_with_three_bugs(weight, bits)
    return BuggyRows(
        float(quantization.sqnr_db(weight, printed)),
        float(quantization.sqnr_db(weight, values)),
        max(len(column.unique()) for column in printed.T),
        max(len(row.unique()) for row in values),
    )
