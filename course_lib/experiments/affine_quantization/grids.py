"""What a grid costs: the printed formulas, few bits, the twelfth of a squared step, wasted codes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import quantization
from course_lib.experiments.random import random_rows


def gaussian(size: int = 100_000, seed: int = 0) -> Tensor:
    """Standard normal values, float64."""
    return random_rows(1, size, seed)[0]


class PrintedMap(NamedTuple):
    """The formulas as the source prints them, beside the implementation."""

    codes_differ: int
    values_error: float
    scale_error: float
    error_error: float
    code_of_a_dead_tensor: float
    clipped_too_late: int


def printed_map(size: int = 1000, bits: int = 8, seed: int = 0) -> PrintedMap:
    """Evaluate Q3 to Q6 value by value, in Python floats, and compare with `course_lib`.

    The last two fields are what the formulas leave out: what they make of a tensor of zeros, whose scale is
    0, and how many codes change on a narrow grid when the conversion to int8 comes before the clip.
    """
    x = gaussian(size, seed)
    qmin, qmax = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    scale = max(abs(value) for value in x.tolist()) / (2 ** (bits - 1) - 1)  # Q5
    codes = [min(max(round(value / scale) + 0, qmin), qmax) for value in x.tolist()]  # Q3
    values = [scale * (code - 0) for code in codes]  # Q4
    error = sum((one - other) ** 2 for one, other in zip(x.tolist(), values, strict=True))  # Q6

    ours = quantization.quantize_per_tensor(x, qmin, qmax, symmetric=True)
    x_hat = quantization.dequantize(*ours)
    narrow_scale = float(ours.scale) / 4  # a clipped grid, as calibration gives one
    in_order = quantization.quantize(x, narrow_scale, 0, qmin, qmax)
    too_late = torch.round(x / narrow_scale).to(torch.int64).to(torch.int8).clamp(qmin, qmax)
    return PrintedMap(
        sum(one != other for one, other in zip(codes, ours.codes.tolist(), strict=True)),
        float((x_hat - torch.tensor(values, dtype=torch.float64)).abs().max()),
        abs(scale - float(ours.scale)),
        abs(error - float(quantization.quantization_error(x, x_hat))),
        float(torch.round(torch.zeros(1) / torch.zeros(1).abs().max())),
        int((in_order != too_late).sum()),
    )


class FewBits(NamedTuple):
    """Signal to noise of a Gaussian on few bits, in dB, and the clip limits in standard deviations."""

    bits: tuple[int, ...]
    whole_range: tuple[float, ...]
    clipped: tuple[float, ...]
    limits: tuple[float, ...]
    largest: float
    predicted: tuple[float, ...]


def few_bits(bits: Sequence[int] = (2, 3, 4, 5, 6, 7, 8), size: int = 100_000, seed: int = 0) -> FewBits:
    """Lay symmetric grids over all of a Gaussian (Q5), and over the part that gives the least error."""
    x = gaussian(size, seed)
    largest = x.abs().max()
    whole, clipped, limits, predicted = [], [], [], []
    for b in bits:
        limit = quantization.best_clip(x, b)
        whole.append(_db(x, float(largest), b))
        clipped.append(_db(x, float(limit), b))
        limits.append(float(limit))
        predicted.append(quantization.predicted_sqnr_db(b, float(largest / x.square().mean().sqrt())))
    return FewBits(tuple(bits), tuple(whole), tuple(clipped), tuple(limits), float(largest), tuple(predicted))


def _db(x: Tensor, limit: float, bits: int) -> float:
    qmin, qmax = quantization.code_range(bits, narrow=True)
    return float(quantization.sqnr_db(x, quantization.fake_quantize(x, limit / qmax, 0, qmin, qmax)))


class ErrorCurve(NamedTuple):
    """Mean squared errors against the clip limit."""

    limits: tuple[float, ...]
    rounding: tuple[float, ...]
    clipping: tuple[float, ...]
    total: tuple[float, ...]


def error_curve(bits: int = 4, limits: Sequence[float] = (), size: int = 50_000, seed: int = 0) -> ErrorCurve:
    """Split the error of a Gaussian by its source, at several clip limits in standard deviations."""
    x = gaussian(size, seed)
    qmin, qmax = quantization.code_range(bits, narrow=True)
    limits = tuple(limits) or tuple(0.5 + 0.1 * i for i in range(41))
    parts = [quantization.clip_and_round_error(x, limit / qmax, 0, qmin, qmax) for limit in limits]
    rounding, clipping = (tuple(float(part[i]) for part in parts) for i in (0, 1))
    return ErrorCurve(limits, rounding, clipping, tuple(map(sum, zip(rounding, clipping, strict=True))))


class Twelfth(NamedTuple):
    """Rounding error over s²/12, and how many steps a standard deviation is."""

    bits: tuple[int, ...]
    ratio: tuple[float, ...]
    steps_per_deviation: tuple[float, ...]


def twelfth(bits: Sequence[int] = (2, 3, 4, 5, 6, 8), size: int = 400_000, seed: int = 0) -> Twelfth:
    """Compare the rounding error of a Gaussian over its whole range with s²/12."""
    x = gaussian(size, seed)
    largest = float(x.abs().max())
    ratios, steps = [], []
    for b in bits:
        qmin, qmax = quantization.code_range(b, narrow=True)
        scale = largest / qmax
        rounding = quantization.clip_and_round_error(x, scale, 0, qmin, qmax).rounding
        ratios.append(float(rounding) / (scale**2 / 12))
        steps.append(1 / scale)
    return Twelfth(tuple(bits), tuple(ratios), tuple(steps))


class AfterRelu(NamedTuple):
    """Mean squared errors of non-negative values on 8 bits."""

    affine: float
    symmetric: float
    ratio: float
    negative_codes_used: int


def after_relu(size: int = 100_000, bits: int = 8, seed: int = 0) -> AfterRelu:
    """Lay an affine and a symmetric grid over what a ReLU lets through."""
    x = gaussian(size, seed).relu()
    codes = quantization.code_range(bits)
    grids = [quantization.quantize_per_tensor(x, *codes, symmetric) for symmetric in (False, True)]
    errors = [float((x - quantization.dequantize(*grid)).square().mean()) for grid in grids]
    return AfterRelu(errors[0], errors[1], errors[1] / errors[0], int((grids[1].codes < 0).sum()))


class WithoutZero(NamedTuple):
    """What a zero becomes when the range need not hold it, in steps and as a share of the mean."""

    zero_becomes: float
    steps: float
    clamped_zero_becomes: float
    widened_zero_becomes: float
    clamped_share_cut: float


def without_zero(low: float = 2.0, high: float = 6.0, bits: int = 8) -> WithoutZero:
    """Quantize a padding zero on grids for values from 2 to 6, made in three ways."""
    codes = quantization.code_range(bits)
    inside = torch.linspace(low, high, 1001, dtype=torch.float64)
    zero = torch.zeros(1, dtype=torch.float64)

    def there_and_back(x: Tensor, scale: Tensor, zero_point: int) -> Tensor:
        return quantization.fake_quantize(x, float(scale), zero_point, *codes)

    ends = inside[0], inside[-1]
    scale, outside = quantization.affine_qparams(*ends, *codes, include_zero=False)
    clamped = min(max(int(outside), codes.qmin), codes.qmax)
    wide_scale, widened = quantization.affine_qparams(*ends, *codes)
    cut = there_and_back(inside, scale, clamped)
    return WithoutZero(
        float(there_and_back(zero, scale, int(outside))),
        low / float(scale),
        float(there_and_back(zero, scale, clamped)),
        float(there_and_back(zero, wide_scale, int(widened))),
        float(((cut - inside).abs() > float(scale)).double().mean()),
    )


def crest(x: Tensor) -> float:
    """How far the largest magnitude stands above the root mean square."""
    return math.sqrt(float(x.abs().max() ** 2 / x.square().mean()))
