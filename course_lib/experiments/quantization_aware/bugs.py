"""The function of "Spot the bugs", and what its three bugs cost."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import quantization


def convert_with_three_bugs(
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    last_batch: Tensor,
    bits: int,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """The printed function: statistics of the batch, ε outside of the root, and a rounded bias."""
    y = last_batch @ weight.T
    mean, var = y.mean(dim=0), y.var(dim=0)
    factor = gamma / (torch.sqrt(var) + eps)
    folded, bias = weight * factor[:, None], beta - mean * factor
    qmax = 2 ** (bits - 1) - 1
    scale = folded.abs().amax(dim=1) / qmax
    codes = torch.round(folded / scale[:, None]).to(torch.int8)
    return codes, scale, scale * torch.round(bias / scale).clamp(-qmax, qmax)


class BuggyConversion(NamedTuple):
    """Signal to noise of a converted layer's output, in dB, against the layer in floating point."""

    printed: float
    mended: float
    only_batch_statistics: float
    batch_statistics_on_their_batch: float  # against the layer in training mode, on the batch folded in
    only_bias: float


def buggy_conversion(bits: int = 8, seed: int = 0) -> BuggyConversion:
    """Convert a linear layer of 64 inputs with batch normalisation, with the bugs and without."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    weight, x = normal(32, 64) / 8, normal(2000, 64)
    y = x @ weight.T
    gamma, beta = 1 + 0.2 * normal(32), normal(32)
    statistics = y.mean(dim=0), y.var(dim=0)
    last = x[:8]
    eps = 1e-5

    def normalised(inputs: Tensor, mean: Tensor, var: Tensor) -> Tensor:
        return (inputs @ weight.T - mean) / torch.sqrt(var + eps) * gamma + beta

    def ratio(parts: tuple[Tensor, Tensor, Tensor], inputs: Tensor, wanted: Tensor) -> float:
        codes, scale, bias = parts
        got = inputs @ (codes.double() * scale[:, None]).T + bias
        return float(quantization.sqnr_db(wanted, got))

    wanted = normalised(x, *statistics)
    seen = last @ weight.T
    of_batch = normalised(last, seen.mean(dim=0), seen.var(dim=0))
    printed = convert_with_three_bugs(weight, gamma, beta, *statistics, last, bits, eps)
    mended = _converted(weight, gamma, beta, *statistics, bits, eps)
    batch = _converted(weight, gamma, beta, seen.mean(dim=0), seen.var(dim=0), bits, eps)
    qmax = 2 ** (bits - 1) - 1
    coarse = mended[1] * torch.round(mended[2] / mended[1]).clamp(-qmax, qmax)
    return BuggyConversion(
        ratio(printed, x, wanted),
        ratio(mended, x, wanted),
        ratio(batch, x, wanted),
        ratio(batch, last, of_batch),
        ratio((mended[0], mended[1], coarse), x, wanted),
    )


def _converted(
    weight: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, var: Tensor, bits: int, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    folded, bias = quantization.fold_batch_norm(weight, None, gamma, beta, mean, var, eps)
    ends = quantization.code_range(bits, narrow=True)
    codes, scale, _ = quantization.quantize_per_channel(folded, *ends, symmetric=True)
    return codes, scale, bias
