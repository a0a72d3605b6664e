"""The real layer that everything is measured on, and how an error is measured."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import quantization
from course_lib.data import load_minilm_layer

NAMES = ("query", "key", "value")


class Layer(NamedTuple):
    """Three matrices, their input on prose, on later prose, and stand-ins for the input on more tokens."""

    weights: dict[str, Tensor]
    calibration: Tensor
    held_out: Tensor
    factors: dict[str, Tensor]


@lru_cache(maxsize=1)
def layer() -> Layer:
    """MiniLM's recorded layer as float32 tensors."""
    data = load_minilm_layer()
    return Layer(
        {name: torch.tensor(data.weights[name]) for name in NAMES},
        torch.tensor(data.calibration),
        torch.tensor(data.held_out),
        {text: torch.tensor(factor) for text, factor in data.factors.items()},
    )


def nearest(weight: Tensor, bits: int, group_size: int | None = None) -> Tensor:
    """Weights rounded to nearest, with a grid for each row or group."""
    codes = quantization.code_range(bits)
    if group_size is None:
        return quantization.dequantize(*quantization.quantize_per_channel(weight, *codes), axis=0)
    return quantization.dequantize(*quantization.quantize_per_group(weight, group_size, *codes))


def awq(weight: Tensor, inputs: Tensor, bits: int, group_size: int | None = None) -> Tensor:
    """Weights that AWQ's layer has in effect."""
    scale = quantization.awq_search_scale(weight, inputs, bits, group_size).scale
    return quantization.awq_weight(weight, scale, bits, group_size)


def weight_error(weight: Tensor, found: Tensor) -> float:
    """Squared error over squared size, of the weights."""
    return float((found - weight).double().square().sum() / weight.double().square().sum())


def output_error(weight: Tensor, found: Tensor, inputs: Tensor) -> float:
    """Squared error over squared size, of the outputs."""
    x = inputs.double()
    off, whole = x @ (found - weight).double().T, x @ weight.double().T
    return float(off.square().sum() / whole.square().sum())
