"""Bytes for each token, and the bound that follows, against sums done by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.quantization import (
    bytes_per_token,
    critical_batch,
    effective_bits,
    kv_bytes_per_token,
    quantize_per_group,
    roofline_tokens_per_second,
    tokens_per_second_bound,
)


def test_weights_of_all_usual_formats():
    assert bytes_per_token(1000, 32) == 4000
    assert bytes_per_token(1000, 16) == 2000
    assert bytes_per_token(1024, 8, 128) == 1024 + 8 * 2
    assert bytes_per_token(1024, 4, 32, zero_point_bits=4) == 512 + 32 * 2.5


def test_equals_the_size_of_real_tensors():
    codes, scale, _ = quantize_per_group(
        torch.randn(16, 64, generator=torch.Generator().manual_seed(0)), 16, -128, 127
    )
    assert bytes_per_token(16 * 64, 8, 16, scale_bits=32) == codes.nbytes + scale.nbytes


@given(st.integers(1, 10**10), st.integers(2, 16), st.integers(1, 4096), st.integers(0, 32))
def test_agrees_with_effective_bits(parameters, bits, group_size, scale_bits):
    expected = parameters * effective_bits(bits, group_size, scale_bits) / 8
    assert bytes_per_token(parameters, bits, group_size, scale_bits) == pytest.approx(expected, rel=1e-12)


def test_a_batch_shares_the_weights_but_not_the_caches():
    kv = kv_bytes_per_token(30, 3, 64, 16, scale_bits=0)
    one, many = (bytes_per_token(10**8, 8, batch=batch, kv_bytes=kv, context=1000) for batch in (1, 10))
    assert one == 10**8 + 1000 * kv
    assert many == 10**7 + 1000 * kv
    # All sequences together: ten tokens for one reading of the weights and ten of caches.
    assert tokens_per_second_bound(1e10, many) == pytest.approx(10 * 1e10 / (10**8 + 10 * 1000 * kv))


def test_the_bound_is_bandwidth_over_bytes():
    assert tokens_per_second_bound(20e9, 2e9) == 10


def test_the_lower_roof_counts():
    assert roofline_tokens_per_second(10.0, 5.0, 100.0, 1.0) == 2  # memory
    assert roofline_tokens_per_second(10.0, 0.05, 100.0, 1.0) == 100  # arithmetic


@given(st.integers(1, 10**9), st.sampled_from([4, 8, 16, 32]), st.floats(1e8, 1e13), st.floats(1e9, 1e15))
def test_at_the_critical_batch_both_roofs_are_equal(parameters, bits, bandwidth, rate):
    batch = critical_batch(bits, bandwidth, rate)
    reading = parameters * bits / 8 / bandwidth  # of all weights, once
    multiplying = 2 * parameters * batch / rate
    assert reading == pytest.approx(multiplying, rel=1e-9)


def test_beyond_the_critical_batch_more_sequences_bring_nothing():
    batch = round(critical_batch(32, 1e9, 64e9))
    found = [
        roofline_tokens_per_second(1e9, bytes_per_token(10**6, 32, batch=b), 64e9, 2e6)
        for b in (batch // 2, batch, 2 * batch)
    ]
    assert found[0] == pytest.approx(found[1] / 2)
    assert found[1] == found[2]
