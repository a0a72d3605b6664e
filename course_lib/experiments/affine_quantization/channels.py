"""One loud channel, and what an average over the tensor says of it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import quantization
from course_lib.experiments.random import random_rows


class LoudChannel(NamedTuple):
    """A weight with one loud channel: signal to noise in dB, shares of zero codes."""

    int8_overall: float
    int8_others: float
    int8_zeros: float
    int3_overall: float
    int3_others: float
    int3_zeros: float


def loud_channel(
    channels: int = 256, width: int = 4096, loudness: float = 100.0, seed: int = 0
) -> LoudChannel:
    """Quantize with one scale on 8 bits, and with a scale for each channel on 3; channel 0 is loud."""
    x = random_rows(channels, width, seed)
    x[0] *= loudness
    eight, three = (quantization.code_range(bits, narrow=True) for bits in (8, 3))
    whole = quantization.quantize_per_tensor(x, *eight, symmetric=True)
    rows = quantization.quantize_per_channel(x, *three, 0, symmetric=True)
    return LoudChannel(
        *_seen(x, quantization.dequantize(*whole), whole.codes),
        *_seen(x, quantization.dequantize(*rows, axis=0), rows.codes),
    )


def _seen(x: Tensor, x_hat: Tensor, codes: Tensor) -> tuple[float, float, float]:
    return (
        float(quantization.sqnr_db(x, x_hat)),
        float(quantization.sqnr_db(x[1:], x_hat[1:])),
        float((codes[1:] == 0).double().mean()),
    )


class PerChannel(NamedTuple):
    """The signal to noise of every channel, in dB, in the order of the channels."""

    one_scale: tuple[float, ...]
    own_scales: tuple[float, ...]
    overall: float


def each_channel(
    channels: int = 256, width: int = 4096, loudness: float = 100.0, seed: int = 0
) -> PerChannel:
    """Give the int8 signal to noise channel by channel, with one scale and with own scales."""
    x = random_rows(channels, width, seed)
    x[0] *= loudness
    codes = quantization.code_range(8, narrow=True)
    whole = quantization.dequantize(*quantization.quantize_per_tensor(x, *codes, symmetric=True))
    rows = quantization.dequantize(*quantization.quantize_per_channel(x, *codes, 0, symmetric=True), axis=0)
    one, own = (
        tuple(float(quantization.sqnr_db(a, b)) for a, b in zip(x, x_hat, strict=True))
        for x_hat in (whole, rows)
    )
    return PerChannel(one, own, float(quantization.sqnr_db(x, whole)))


class Granularity(NamedTuple):
    """Signal to noise at 4 bits against the bits that a weight really takes."""

    names: tuple[str, ...]
    sqnr: tuple[float, ...]
    bits: tuple[float, ...]


def granularity(rows: int = 256, width: int = 1024, bits: int = 4, seed: int = 0) -> Granularity:
    """Give a heavy-tailed weight one scale, one a row, and one for groups of ever fewer neighbours."""
    generator = torch.Generator().manual_seed(seed)
    loudness = torch.exp(0.7 * torch.randn(rows, 1, generator=generator, dtype=torch.float64))
    tails = torch.randn(rows, width, generator=generator, dtype=torch.float64).square().mean(1, keepdim=True)
    x = random_rows(rows, width, seed) * loudness * tails.sqrt()
    x[:, :: width // 8] *= 8  # a few columns stand out in every row
    codes = quantization.code_range(bits, narrow=True)
    whole = quantization.dequantize(*quantization.quantize_per_tensor(x, *codes, symmetric=True))
    per_row = quantization.quantize_per_channel(x, *codes, 0, symmetric=True)
    names, values = ["tensor", "row"], [whole, quantization.dequantize(*per_row, axis=0)]
    sizes = [rows * width, width]
    for group in (128, 64, 32, 16):
        names.append(f"{group}")
        values.append(
            quantization.dequantize(*quantization.quantize_per_group(x, group, *codes, symmetric=True))
        )
        sizes.append(group)
    return Granularity(
        tuple(names),
        tuple(float(quantization.sqnr_db(x, x_hat)) for x_hat in values),
        tuple(quantization.effective_bits(bits, size) for size in sizes),
    )
