"""Integer products equal products of the dequantized matrices."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.quantization import dequantize, int_matmul, quantize_per_channel, quantize_per_tensor

CODES = st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 7), st.integers(0, 10**6))


def random_codes(rows, dim, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-128, 128, (rows, dim), generator=generator, dtype=torch.int8)


@given(CODES, st.integers(-128, 127), st.integers(-128, 127))
@settings(deadline=None)
def test_it_is_the_product_of_the_dequantized_matrices(sizes, x_zero, w_zero):
    m, n, k, seed = sizes
    x, w = random_codes(m, k, seed), random_codes(n, k, seed + 1)
    one = torch.tensor(1.0, dtype=torch.float64)
    exact = int_matmul(x, w, one, x_zero, one, w_zero)
    expected = dequantize(x, one, x_zero) @ dequantize(w, one, w_zero).T
    assert torch.equal(exact, expected)


def test_scales_for_each_token_and_each_output(randn):
    x, w = randn(4, 20, dtype=torch.float64), randn(6, 20, seed=1, dtype=torch.float64)
    qx, qw = quantize_per_channel(x, -128, 127), quantize_per_channel(w, -127, 127, symmetric=True)
    got = int_matmul(qx.codes, qw.codes, qx.scale, qx.zero_point, qw.scale, qw.zero_point)
    expected = dequantize(*qx, axis=0) @ dequantize(*qw, axis=0).T
    assert torch.allclose(got, expected, rtol=0, atol=1e-12)
    assert (got - x @ w.T).abs().max() < 0.1


def test_one_scale_for_each_and_unsigned_codes(randn):
    x, w = randn(3, 8).relu(), randn(5, 8, seed=1)
    qx, qw = quantize_per_tensor(x, 0, 255), quantize_per_tensor(w, -127, 127, symmetric=True)
    assert qx.codes.dtype == torch.uint8
    got = int_matmul(qx.codes, qw.codes, qx.scale, qx.zero_point, qw.scale, qw.zero_point)
    assert torch.allclose(got, dequantize(*qx) @ dequantize(*qw).T, atol=1e-5)


def test_sums_go_far_beyond_8_bits():
    x = torch.full((1, 1000), -128, dtype=torch.int8)
    assert int_matmul(x, x, 1.0, 0, 1.0, 0).item() == 128 * 128 * 1000


def test_a_product_that_an_accumulator_could_not_hold_is_refused():
    x = torch.full((1, 140_000), -128, dtype=torch.int8)
    with pytest.raises(ValueError, match="dim must be at most 131071 for these codes, got 140000"):
        int_matmul(x, x, 1.0, 0, 1.0, 0)
