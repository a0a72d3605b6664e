"""Fake quantization equals torch's, in value and gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.quantization import fake_quantize


def value_and_gradient(function, x, cotangent):
    leaf = x.clone().requires_grad_()
    value = function(leaf)
    (gradient,) = torch.autograd.grad((value * cotangent).sum(), leaf)
    return value.detach(), gradient


def off_the_halves(x, scale):
    """Values whose nearest code is the same whichever way a rounding error falls."""
    steps = x.double() / scale
    return torch.where((steps - steps.floor() - 0.5).abs() < 1e-3, x + 0.01 * scale, x)


@given(st.integers(0, 10**6), st.floats(0.01, 2), st.integers(-128, 127), st.sampled_from([2, 4, 8]))
@settings(deadline=None)
def test_per_tensor(randn, seed, scale, zero_point, bits):
    qmin, qmax = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    zero_point = max(qmin, min(qmax, zero_point))
    x = off_the_halves(randn(7, 9, seed=seed) * 3 * scale * 2 ** (bits - 1), scale)
    cotangent = randn(7, 9, seed=seed + 1)
    ours = value_and_gradient(lambda x: fake_quantize(x, scale, zero_point, qmin, qmax), x, cotangent)
    theirs = value_and_gradient(
        lambda x: torch.fake_quantize_per_tensor_affine(x, scale, zero_point, qmin, qmax), x, cotangent
    )
    assert torch.allclose(ours[0], theirs[0], rtol=1e-6, atol=1e-7)
    assert torch.equal(ours[1], theirs[1])
    assert 0 < (ours[1] == 0).sum() < x.numel()  # some are clipped, some are not


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_per_channel(randn, axis):
    x = randn(5, 6) * 3
    channels = x.shape[axis]
    scale = torch.linspace(0.1, 0.6, channels)
    zero_point = torch.arange(channels, dtype=torch.int32) - 2
    cotangent = randn(5, 6, seed=1)
    ours = value_and_gradient(lambda x: fake_quantize(x, scale, zero_point, -8, 7, axis), x, cotangent)
    theirs = value_and_gradient(
        lambda x: torch.fake_quantize_per_channel_affine(x, scale, zero_point, axis % 2, -8, 7), x, cotangent
    )
    assert torch.allclose(ours[0], theirs[0], rtol=1e-6, atol=1e-7)
    assert torch.equal(ours[1], theirs[1])


def test_a_group_is_a_tensor_of_its_own(randn):
    x, scale = randn(2, 6), torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    zero_point = torch.tensor([[0, 1, 2], [-1, -2, -3]])
    grouped = fake_quantize(x, scale, zero_point, -4, 3)
    for row in range(2):
        for group in range(3):
            part = slice(2 * group, 2 * group + 2)
            alone = fake_quantize(x[row, part], float(scale[row, group]), int(zero_point[row, group]), -4, 3)
            assert torch.allclose(grouped[row, part], alone)


def test_the_gradient_reaches_as_far_as_a_value_still_rounds_to_a_code():
    x = torch.tensor([1.49, 1.51], requires_grad=True)  # the last code is 1
    fake_quantize(x, 1.0, 0, -2, 1).sum().backward()
    assert x.grad.tolist() == [1.0, 0.0]


def test_values_lie_on_the_grid_to_the_last_bit(randn):
    x = randn(1000, dtype=torch.float64).requires_grad_()
    values = fake_quantize(x, 0.1, 0, -128, 127).detach()
    assert (values == torch.round(values / 0.1) * 0.1).all()


def test_it_works_inside_vmap(randn):
    x = randn(3, 4)
    mapped = torch.func.vmap(torch.func.grad(lambda row: fake_quantize(row, 0.5, 0, -2, 1).sum()))(x)
    whole = value_and_gradient(lambda x: fake_quantize(x, 0.5, 0, -2, 1), x, torch.ones(3, 4))[1]
    assert torch.equal(mapped, whole)
