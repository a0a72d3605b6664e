"""AWQ's search against the authors' loop, written out, and against not scaling at all."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib.quantization import (
    apply_smoothing,
    awq_search_scale,
    awq_weight,
    code_range,
    dequantize,
    quantize_per_group,
)

SEEDS = st.integers(0, 10**6)


def layer(randn, seed, outputs=6, inputs=16, dtype=torch.float64):
    x = randn(40, inputs, seed=seed, dtype=dtype)
    x[:, seed % inputs] *= 25
    return randn(outputs, inputs, seed=seed + 1, dtype=dtype), x


def llm_awq(weight, x, bits, group_size, points=20):
    """The authors' `_search_module_scale` and `pseudo_quantize_tensor`, a plain loop over ratio, row and group."""
    sizes = [sum(abs(v) for v in x[:, j].tolist()) / len(x) for j in range(x.shape[1])]
    top = 2**bits - 1
    answers = []
    for point in range(points):
        scale = torch.tensor([max(size ** (point / points), 1e-4) for size in sizes], dtype=x.dtype)
        scale = scale / (scale.max() * scale.min()).sqrt()
        stretched = weight * scale
        for row in range(len(weight)):
            for start in range(0, weight.shape[1], group_size):
                group = stretched[row, start : start + group_size]
                # The one thing that is not theirs: the range is widened to hold 0.
                low, high = min(group.min().item(), 0), max(group.max().item(), 0)
                step = (high - low) / top
                zero = round(-low / step)
                codes = (torch.round(group / step) + zero).clamp(0, top)
                stretched[row, start : start + group_size] = (codes - zero) * step
        answers.append((((x @ (stretched / scale - weight).T) ** 2).mean().item(), point / points, scale))
    return answers


@given(SEEDS, st.sampled_from([2, 3, 4]), st.sampled_from([4, 8, 16]))
@settings(deadline=None, max_examples=12)
def test_the_search_equals_the_authors_loop(randn, seed, bits, group_size):
    weight, x = layer(randn, seed)
    found = awq_search_scale(weight, x.reshape(4, 10, 16), bits, group_size)
    answers = llm_awq(weight, x, bits, group_size)
    errors = torch.tensor([error for error, _, _ in answers], dtype=torch.float64)
    assert torch.allclose(found.errors, errors, rtol=1e-9)
    assert found.error <= errors.min().item() * (1 + 1e-9)
    _, alpha, scale = answers[int(errors.argmin())]
    assert found.alpha == alpha
    assert torch.allclose(found.scale, scale)


@given(SEEDS, st.sampled_from([2, 3, 4, 8]), st.booleans(), st.sampled_from([torch.float32, torch.float64]))
@settings(deadline=None, max_examples=30)
def test_never_worse_than_rounding_to_nearest(randn, seed, bits, symmetric, dtype):
    weight, x = layer(randn, seed, dtype=dtype)
    found = awq_search_scale(weight, x, bits, 8, symmetric)
    rounded = dequantize(*quantize_per_group(weight, 8, *code_range(bits), symmetric))
    assert torch.equal(awq_weight(weight, torch.ones(16, dtype=dtype), bits, 8, symmetric), rounded)
    error = {
        name: ((x @ (value - weight).T).double() ** 2).mean().item()
        for name, value in (
            ("awq", awq_weight(weight, found.scale, bits, 8, symmetric)),
            ("nearest", rounded),
        )
    }
    assert error["awq"] <= error["nearest"] * (1 + 1e-4)
    assert found.error == pytest.approx(error["awq"], rel=1e-3)


def test_one_loud_channel_is_protected(randn):
    better = 0
    for seed in range(20):
        weight, x = layer(randn, seed)
        found = awq_search_scale(weight, x, 3)
        better += found.error < 0.7 * found.errors[0].item()
        assert int(found.scale.argmax()) == seed % 16 or found.alpha == 0
    assert better >= 18


def test_the_mean_and_not_the_maximum_counts(randn):
    weight, x = layer(randn, 0)
    x[:, 3] = 0
    x[0, 3] = 40.0  # the largest of all values, in a channel that is small on average
    found = awq_search_scale(weight, x, 3)
    assert found.alpha > 0
    assert found.scale[3] < found.scale[0]


def test_layers_that_share_an_input_are_searched_together(randn):
    (one, x), (other, _) = layer(randn, 0), layer(randn, 9)
    both = awq_search_scale(torch.cat([one, other]), x, 3, 8)
    alone = [awq_search_scale(weight, x, 3, 8) for weight in (one, other)]
    assert torch.allclose(both.errors, (alone[0].errors + alone[1].errors) / 2)


def test_folded_back_into_the_norm_it_is_the_weight_in_effect(randn):
    weight, x = layer(randn, 4, dtype=torch.float32)
    norm, linear = nn.LayerNorm(16), nn.Linear(16, 6)
    linear.weight.data = weight
    with torch.no_grad():
        found = awq_search_scale(weight, norm(x), 4, 8)
        new_norm, (stretched,) = apply_smoothing(norm, linear, found.scale)
        stretched.weight.copy_(dequantize(*quantize_per_group(stretched.weight, 8, *code_range(4))))
        in_effect = norm(x) @ awq_weight(weight, found.scale, 4, 8).T + linear.bias
        assert torch.allclose(stretched(new_norm(x)), in_effect, atol=1e-4)


def test_dead_channels_and_dead_layers(randn):
    weight, x = layer(randn, 1)
    x[:, 5] = 0
    found = awq_search_scale(weight, x, 3)
    assert torch.isfinite(found.scale).all()
    assert (found.scale > 0).all()
    silent = awq_search_scale(weight, torch.zeros_like(x), 3)
    assert silent.alpha == 0
    assert silent.error == 0
