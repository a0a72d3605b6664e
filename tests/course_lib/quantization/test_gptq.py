"""GPTQ against plain transcriptions of the paper, column by column, and against rounding to nearest."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.quantization import code_range, dequantize, gptq_quantize, quantize_per_channel

SEEDS = st.integers(0, 10**6)


def layer(randn, seed, outputs=6, inputs=16, tokens=64, dtype=torch.float64):
    """Weights, and inputs that are correlated and of different sizes, as activations are."""
    weight = randn(outputs, inputs, seed=seed, dtype=dtype)
    mixing = randn(inputs, inputs, seed=seed + 1, dtype=dtype) / 2 + torch.eye(inputs, dtype=dtype)
    x = randn(tokens, inputs, seed=seed + 2, dtype=dtype) @ mixing
    return weight, x * torch.logspace(-0.5, 0.5, inputs, dtype=dtype)


def output_error(weight, found, x):
    return ((x @ (found - weight).T) ** 2).sum().item()


def grid_of(group, bits, symmetric, full_range):
    """The authors' `Quantizer.find_params`, rows at a time: unsigned codes and a real zero."""
    low, high = np.minimum(group.min(1), 0), np.maximum(group.max(1), 0)
    if symmetric:
        high = np.maximum(-low, high)
        return high / ((2**bits - 1) / 2 if full_range else 2 ** (bits - 1) - 1), np.full_like(
            high, 2 ** (bits - 1)
        )
    scale = (high - low) / (2**bits - 1)
    return scale, np.round(-low / scale)


def nearest(column, grid, bits):
    scale, zero = grid
    return scale * (np.clip(np.round(column / scale) + zero, 0, 2**bits - 1) - zero)


def plain_gptq(
    weight,
    x,
    bits,
    symmetric=False,
    group_size=None,
    damping=0.01,
    act_order=False,
    static=False,
    full_range=True,
):
    """OBQ's update in a fixed order, with the whole inverse Hessian and one Gaussian elimination a column.

    No Cholesky factor and no blocks: from the paper's equations 2 and 3.
    """
    w, x = weight.numpy().copy(), x.numpy()
    hessian = 2 * x.T @ x
    width = len(hessian)
    group_size = group_size or width
    hessian += damping * np.mean(np.diag(hessian)) * np.eye(width)
    order = np.argsort(-np.diag(hessian), kind="stable") if act_order else np.arange(width)
    static = static or group_size == width
    grids = {
        g: grid_of(w[:, g * group_size : (g + 1) * group_size], bits, symmetric, full_range)
        for g in range(width // group_size)
    }
    inverse = np.linalg.inv(hessian)
    found = np.zeros_like(w)
    for turn, i in enumerate(order):
        if not static and turn % group_size == 0:
            group = w[:, order[turn : turn + group_size]]
            grids[turn // group_size] = grid_of(group, bits, symmetric, full_range)
        found[:, i] = nearest(w[:, i], grids[(i if static else turn) // group_size], bits)
        w -= np.outer((w[:, i] - found[:, i]) / inverse[i, i], inverse[i])
        inverse -= np.outer(inverse[:, i], inverse[i]) / inverse[i, i]
    return torch.from_numpy(found)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("act_order", [False, True])
@pytest.mark.parametrize(
    ("group_size", "group_scales"), [(None, "updated"), (4, "updated"), (8, "updated"), (4, "original")]
)
@given(SEEDS, st.sampled_from([2, 3, 4, 8]), st.sampled_from([1, 3, 5, 8, 128]))
@settings(deadline=None, max_examples=12)
def test_equals_the_plain_algorithm(
    randn, symmetric, act_order, group_size, group_scales, seed, bits, block_size
):
    weight, x = layer(randn, seed)
    # Not the full range: there the largest weight of a group lies exactly half-way between two codes.
    ours = gptq_quantize(
        *(weight, x, bits, symmetric, group_size),
        block_size=block_size,
        act_order=act_order,
        group_scales=group_scales,
        full_range=False,
    )
    static = group_scales == "original"
    theirs = plain_gptq(
        *(weight, x, bits, symmetric, group_size), act_order=act_order, static=static, full_range=False
    )
    assert output_error(weight, ours.weight, x) <= 1.02 * output_error(weight, theirs, x)
    assert ((ours.weight - theirs).abs() < 1e-9).all()


def authors_gptq(weight, x, bits, symmetric, group_size, block_size, act_order):
    """Their `fasterquant`, in its own order: Cholesky factor, blocks, and scales from what W holds at the time."""
    w, width = weight.numpy().copy(), weight.shape[1]
    hessian = 2 / len(x) * (x.T @ x).numpy()
    grid = grid_of(w, bits, symmetric, full_range=True)
    order = np.argsort(-np.diag(hessian), kind="stable") if act_order else np.arange(width)
    w, hessian = w[:, order], hessian[np.ix_(order, order)]
    hessian += 0.01 * np.mean(np.diag(hessian)) * np.eye(width)
    upper = np.linalg.cholesky(np.linalg.inv(hessian)).T
    found = np.zeros_like(w)
    for start in range(0, width, block_size):
        stop = min(start + block_size, width)
        block, errors = w[:, start:stop].copy(), np.zeros_like(w[:, start:stop])
        for i in range(stop - start):
            if group_size and (start + i) % group_size == 0:
                grid = grid_of(w[:, start + i : start + i + group_size], bits, symmetric, full_range=True)
            found[:, start + i] = nearest(block[:, i], grid, bits)
            errors[:, i] = (block[:, i] - found[:, start + i]) / upper[start + i, start + i]
            block[:, i:] -= np.outer(errors[:, i], upper[start + i, start + i : stop])
        w[:, stop:] -= errors @ upper[start:stop, stop:]
    return torch.from_numpy(found[:, np.argsort(order)])


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("group_size", [None, 4])
@pytest.mark.parametrize("act_order", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_more_error_than_the_authors_code(randn, symmetric, group_size, act_order, dtype):
    ours, theirs = 0.0, 0.0
    for seed in range(30):
        weight, x = layer(randn, 3 * seed)
        found = gptq_quantize(
            *(weight.to(dtype), x.to(dtype), 3, symmetric, group_size), block_size=8, act_order=act_order
        )
        ours += output_error(weight, found.weight.double(), x)
        theirs += output_error(weight, authors_gptq(weight, x, 3, symmetric, group_size, 8, act_order), x)
    assert ours <= 1.02 * theirs


def test_the_authors_scales_of_groups_inside_a_block(randn):
    """With "block", a group's scale is that of its weights as they were when its block began."""
    weight, x = layer(randn, 3)
    got = gptq_quantize(weight, x, 4, group_size=4, block_size=16, group_scales="block")
    static = gptq_quantize(weight, x, 4, group_size=4, block_size=16, group_scales="original")
    fresh = gptq_quantize(weight, x, 4, group_size=4, block_size=16, group_scales="updated")
    assert torch.equal(got.scale, static.scale)  # one block: nothing was updated when it began
    assert not torch.allclose(got.scale[:, 1:], fresh.scale[:, 1:])
    # Groups that start where blocks do make no difference.
    aligned = [
        gptq_quantize(weight, x, 4, group_size=4, block_size=4, group_scales=how)
        for how in ("block", "updated")
    ]
    assert torch.equal(aligned[0].codes, aligned[1].codes)


@given(SEEDS, st.sampled_from([2, 3, 4]), st.booleans())
@settings(deadline=None, max_examples=40)
def test_the_output_error_is_lower_than_that_of_rounding_to_nearest(randn, seed, bits, act_order):
    """On inputs that share few causes. (On weakly correlated ones a single layer can go the other way.)"""
    weight = randn(16, 24, seed=seed, dtype=torch.float64)
    causes, mixing = (
        randn(96, 6, seed=seed + 1, dtype=torch.float64),
        randn(6, 24, seed=seed + 2, dtype=torch.float64),
    )
    x = causes @ mixing + 0.3 * randn(96, 24, seed=seed + 3, dtype=torch.float64)
    rounded = dequantize(*quantize_per_channel(weight, *code_range(bits)), axis=0)
    found = gptq_quantize(weight, x, bits, act_order=act_order).weight
    assert output_error(weight, found, x) < output_error(weight, rounded, x)
    # … although the weights themselves are further off.
    assert ((found - weight) ** 2).sum() > ((rounded - weight) ** 2).sum()


def test_without_correlation_it_is_rounding_to_nearest(randn):
    weight = randn(5, 12)
    rounded = quantize_per_channel(weight, *code_range(4))
    found = gptq_quantize(weight, torch.eye(12), 4)
    assert torch.equal(found.codes, rounded.codes)
    assert torch.equal(found.scale, rounded.scale)
    assert torch.equal(found.weight, dequantize(*rounded, axis=0))


@pytest.mark.parametrize("act_order", [False, True])
def test_dead_columns_become_zero_and_disturb_nothing(randn, act_order):
    weight, x = layer(randn, 5)
    x[:, [0, 7]] = 0
    weight[:, 7] = 100.0
    live = [i for i in range(16) if i not in (0, 7)]
    found = gptq_quantize(weight, x, 3, act_order=act_order)
    assert torch.isfinite(found.weight).all()
    assert (found.weight[:, [0, 7]] == 0).all()
    alone = gptq_quantize(weight[:, live], x[:, live], 3, act_order=act_order)
    assert torch.equal(found.codes[:, live], alone.codes)
    assert (gptq_quantize(weight, torch.zeros_like(x), 3).weight == 0).all()


@pytest.mark.parametrize("group_scales", ["updated", "original"])
@pytest.mark.parametrize("act_order", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_codes_can_be_read_back(randn, dtype, act_order, group_scales):
    weight, x = layer(randn, 1, dtype=dtype)
    found = gptq_quantize(
        weight, x.reshape(4, 16, 16), 4, True, 4, act_order=act_order, group_scales=group_scales
    )
    assert found.weight.dtype == found.scale.dtype == dtype
    assert found.codes.dtype == torch.int8
    assert found.scale.shape == found.zero_point.shape == (6, 4)
    assert torch.bincount(found.group_of).tolist() == [4] * 4
    values = (found.codes - found.zero_point[:, found.group_of]) * found.scale[:, found.group_of]
    assert torch.equal(values, found.weight)
    if group_scales == "original" or not act_order:
        assert torch.equal(dequantize(found.codes, found.scale, found.zero_point), found.weight)


def test_fewer_tokens_than_inputs_need_damping(randn):
    weight, x = layer(randn, 2, tokens=5)
    found = gptq_quantize(weight, x, 4).weight
    assert output_error(weight, found, x) < output_error(
        weight, dequantize(*quantize_per_channel(weight, *code_range(4)), axis=0), x
    )


def test_the_scale_of_the_inputs_does_not_matter(randn):
    weight, x = layer(randn, 4)
    assert torch.equal(gptq_quantize(weight, x, 3).codes, gptq_quantize(weight, x * 2**10, 3).codes)


@pytest.mark.parametrize("damping", [0, 1e-17])
@pytest.mark.parametrize(
    "spoil", [lambda x: x[:5], lambda x: torch.cat([x[:, :1], x[:, :15]], dim=1), torch.ones_like]
)
def test_inputs_that_depend_on_each_other_need_damping(randn, spoil, damping):
    weight, x = layer(randn, 2)
    with pytest.raises(ValueError, match=rf"^damping must be larger, got {damping:g}: with .* for 16 inputs"):
        gptq_quantize(weight, spoil(x), 4, damping=damping)
    assert torch.isfinite(gptq_quantize(weight, spoil(x), 4).weight).all()
