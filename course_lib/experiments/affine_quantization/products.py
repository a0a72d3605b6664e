"""Integer matrix products, and how many bytes a weight takes."""

from __future__ import annotations

from typing import NamedTuple

import torch

from course_lib import quantization
from course_lib.experiments.random import random_rows


class IntegerProduct(NamedTuple):
    """An integer product beside that of the dequantized matrices, and what each slip in it costs."""

    rounding: float
    against_float_db: float
    without_constant_db: float
    without_zero_points_db: float
    int8_sums_db: float


def integer_product(tokens: int = 32, outputs: int = 64, dim: int = 256, seed: int = 0) -> IntegerProduct:
    """Multiply activations after a ReLU by weights, in int8 codes, and leave out parts of the formula."""
    x, w = random_rows(tokens, dim, seed).relu(), random_rows(outputs, dim, seed + 1)
    codes = quantization.code_range(8)
    qx, qw = quantization.quantize_per_tensor(x, *codes), quantization.quantize_per_tensor(w, *codes)
    exact = x @ w.T
    args = (qx.codes, qw.codes, qx.scale, qx.zero_point, qw.scale, qw.zero_point)
    product = quantization.int_matmul(*args)
    dequantized = quantization.dequantize(*qx) @ quantization.dequantize(*qw).T
    step = qx.scale * qw.scale
    constant = dim * qx.zero_point * qw.zero_point * step
    ignored = step * (qx.codes.int() @ qw.codes.int().T)
    wrapped = (qx.codes @ qw.codes.T).int() - (qx.codes.int() @ qw.codes.int().T)
    return IntegerProduct(
        float((product - dequantized).abs().max()),
        float(quantization.sqnr_db(exact, product)),
        float(quantization.sqnr_db(exact, product - constant)),
        float(quantization.sqnr_db(exact, ignored)),
        float(quantization.sqnr_db(exact, product + step * wrapped)),
    )


class Bytes(NamedTuple):
    """Bytes of a weight matrix, counted on the tensors that hold it."""

    float32: int
    float16: int
    int8: int
    int4: int
    int4_bits: float


def weight_bytes(rows: int = 1024, width: int = 1024, group_size: int = 32) -> Bytes:
    """Store a weight as float32, float16, int8 with a scale a row, and int4 with one for each group.

    Scales are stored in 16 bits, two int4 codes in a byte.
    """
    weight = random_rows(rows, width, 0).float()
    eight = quantization.quantize_per_channel(weight, -127, 127, 0, symmetric=True)
    four = quantization.quantize_per_group(weight, group_size, -7, 7, symmetric=True)
    low, high = (four.codes[:, i::2].to(torch.uint8) & 15 for i in (0, 1))
    packed = low | (high << 4)
    int4 = _bytes(packed, four.scale.half())
    return Bytes(
        _bytes(weight),
        _bytes(weight.half()),
        _bytes(eight.codes, eight.scale.half()),
        int4,
        8 * int4 / weight.numel(),
    )


def _bytes(*tensors: torch.Tensor) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
