"""The W8A8 product as a function: against loops in float, against the int8 layer, and its laws."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib.quantization import W8A8Linear, w8a8_linear


def by_loops(x, weight, x_scale, per_channel):
    """Every entry by itself, in Python numbers."""

    def codes(row, step):
        return [max(-127, min(127, round(value / step))) for value in row]

    whole = max(abs(w) for row in weight.tolist() for w in row) / 127
    result = []
    for token in x.tolist():
        step = x_scale or max(map(abs, token)) / 127
        result.append([])
        for row in weight.tolist():
            w_step = max(map(abs, row)) / 127 if per_channel else whole
            total = sum(a * b for a, b in zip(codes(token, step), codes(row, w_step), strict=True))
            result[-1].append(step * w_step * total)
    return torch.tensor(result, dtype=torch.float64)


@given(st.integers(0, 10**6), st.sampled_from([None, 0.004, 0.02]), st.booleans())
@settings(deadline=None, max_examples=40)
def test_every_entry_is_what_a_loop_gives(seed, x_scale, per_channel):
    generator = torch.Generator().manual_seed(seed)
    x, weight = (torch.randn(n, 7, generator=generator, dtype=torch.float64) for n in (3, 4))
    got = w8a8_linear(x, weight, x_scale, per_channel)
    assert torch.allclose(got, by_loops(x, weight, x_scale, per_channel), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("x_scale", [None, 0.01])
def test_it_agrees_with_the_int8_layer(randn, x_scale):
    linear = nn.Linear(48, 32, bias=False)
    x = randn(9, 48, dtype=torch.float32)
    got = w8a8_linear(x, linear.weight, x_scale)
    assert torch.allclose(got, W8A8Linear.from_linear(linear, x_scale)(x), rtol=1e-5, atol=1e-6)


def test_a_loud_token_costs_others_nothing_if_each_has_its_scale(randn):
    x, weight = randn(4, 16), randn(8, 16, seed=1)
    loud = x.clone()
    loud[0] *= 1000
    assert torch.equal(w8a8_linear(loud, weight)[1:], w8a8_linear(x, weight)[1:])
    static = float(loud.abs().max()) / 127
    assert (w8a8_linear(loud, weight, static)[1:] == 0).all()


def test_a_token_of_zeros_and_an_output_of_zeros_stay_zero(randn):
    x, weight = randn(3, 5), randn(4, 5, seed=1)
    x[1], weight[2] = 0, 0
    y = w8a8_linear(x, weight)
    assert y.isfinite().all()
    assert (y[1] == 0).all()
    assert (y[:, 2] == 0).all()
