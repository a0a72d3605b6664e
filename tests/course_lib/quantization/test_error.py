"""Error, its two parts, signal to noise, the best clip limit: against closed forms and brute force."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.quantization import (
    best_clip,
    clip_and_round_error,
    fake_quantize,
    predicted_sqnr_db,
    quantization_error,
    sqnr_db,
)


@given(st.integers(0, 10**6), st.floats(0.05, 2), st.integers(-3, 3))
@settings(deadline=None)
def test_rounding_and_clipping_are_the_whole(randn, seed, scale, zero_point):
    x = randn(200, seed=seed, dtype=torch.float64)
    parts = clip_and_round_error(x, scale, zero_point, -4, 3)
    whole = quantization_error(x, fake_quantize(x, scale, zero_point, -4, 3)) / x.numel()
    assert float(parts.rounding + parts.clipping) == pytest.approx(float(whole), rel=1e-12)
    assert float(parts.rounding) <= scale**2 / 4


def test_what_is_clipped_is_the_integral_of_the_tail(randn):
    x, limit = randn(400_000, dtype=torch.float64), 1.2
    clipping = clip_and_round_error(x, limit / 127, 0, -127, 127).clipping
    phi, tail = math.exp(-(limit**2) / 2) / math.sqrt(2 * math.pi), math.erfc(limit / math.sqrt(2)) / 2
    assert float(clipping) == pytest.approx(2 * ((1 + limit**2) * tail - limit * phi), rel=0.02)


def test_uniform_noise_is_a_twelfth_of_the_squared_step():
    x = torch.linspace(-1, 1, 100_001, dtype=torch.float64)
    rounding, clipping = clip_and_round_error(x, 1 / 127, 0, -127, 127)
    assert float(rounding) == pytest.approx((1 / 127) ** 2 / 12, rel=1e-4)
    assert clipping == 0


def test_zeros_have_0_db_a_tenth_20_and_none_infinity(randn):
    x = randn(50, dtype=torch.float64)
    assert sqnr_db(x, torch.zeros_like(x)) == 0
    assert float(sqnr_db(x, 0.9 * x)) == pytest.approx(20)
    assert sqnr_db(x, x) == math.inf


@given(st.integers(0, 10**6), st.floats(0.01, 100))
@settings(deadline=None)
def test_the_ratio_forgets_the_unit(randn, seed, unit):
    x, noise = randn(30, seed=seed, dtype=torch.float64), randn(30, seed=seed + 1, dtype=torch.float64)
    assert float(sqnr_db(unit * x, unit * (x + noise))) == pytest.approx(
        float(sqnr_db(x, x + noise)), abs=1e-9
    )


@pytest.mark.parametrize("bits", [4, 6, 8, 12])
def test_the_prediction_holds_on_a_uniform_distribution(bits):
    x = torch.linspace(-1, 1, 200_001, dtype=torch.float64)
    steps = 2 ** (bits - 1) - 1
    measured = sqnr_db(x, fake_quantize(x, 1 / steps, 0, -steps, steps))
    assert float(measured) == pytest.approx(predicted_sqnr_db(bits, math.sqrt(3)), abs=0.02)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_no_candidate_is_better_than_the_best(randn, bits):
    x = randn(3000, dtype=torch.float64)
    candidates = torch.linspace(0.2, 5, 49, dtype=torch.float64)
    top = 2 ** (bits - 1) - 1
    errors = [quantization_error(x, fake_quantize(x, float(c) / top, 0, -top, top)) for c in candidates]
    assert best_clip(x, bits, candidates) == candidates[min(range(49), key=errors.__getitem__)]


def test_three_levels_on_a_gaussian_are_those_of_lloyd_and_max(randn):
    limit = best_clip(randn(100_000), 2)
    assert float(limit) == pytest.approx(1.224, abs=0.05)  # Max 1960, table I: N = 3
