"""Learned step size quantization: against an independent formula, finite differences, and torch."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.quantization import fake_quantize, lsq_fake_quantize, lsq_initial_step, quantize_per_channel

CODES = [(-4, 3), (-1, 1), (0, 3), (-128, 127)]


def gradients(x, scale, qmin, qmax, upstream, **options):
    x, scale = x.clone().requires_grad_(), scale.clone().requires_grad_()
    y = lsq_fake_quantize(x, scale, qmin, qmax, **options)
    return (y.detach(), *torch.autograd.grad(y, (x, scale), upstream))


def surrogate(x, scale, offset, qmin, qmax):
    """What the estimator differentiates: the rounding offset of each value is a constant."""
    v = x / scale
    return torch.where((v >= qmin) & (v <= qmax), x + scale * offset, scale * v.clamp(qmin, qmax))


@pytest.mark.parametrize(("qmin", "qmax"), CODES)
def test_finite_differences_of_the_surrogate(randn, qmin, qmax):
    x = randn(5, 7, seed=0).double() * qmax
    scale, upstream = torch.tensor(0.8, dtype=torch.float64), randn(5, 7, seed=1).double()
    v = x / scale
    far = ((v - qmin).abs() > 1e-3) & ((v - qmax).abs() > 1e-3)
    x = torch.where(far, x, 0.3 * scale)
    offset = torch.round(x / scale) - x / scale
    _, of_x, of_scale = gradients(x, scale, qmin, qmax, upstream, grad_scale=1.0)
    h = 1e-6
    up, down = (surrogate(x, scale + d, offset, qmin, qmax) for d in (h, -h))
    assert of_scale == pytest.approx(((up - down) / (2 * h) * upstream).sum().item(), rel=1e-6, abs=1e-6)
    up, down = (surrogate(x + d, scale, offset, qmin, qmax) for d in (h, -h))
    assert torch.allclose(of_x, (up - down) / (2 * h) * upstream, atol=1e-6)


@given(st.integers(0, 10**6), st.floats(0.05, 2), st.sampled_from(CODES))
@settings(deadline=None)
def test_torch_agrees_but_for_the_half_step_beyond_the_ends(randn, seed, scale, codes):
    qmin, qmax = codes
    x = randn(6, 9, seed=seed) * scale * max(qmax, 2)
    v = x / scale
    halves = (v - v.floor() - 0.5).abs() < 1e-3
    near_end = ((v < qmin) & (v > qmin - 0.6)) | ((v > qmax) & (v < qmax + 0.6))
    at_end = ((v - qmin).abs() < 1e-3) | ((v - qmax).abs() < 1e-3)
    x = torch.where(halves | near_end | at_end, torch.zeros_like(x) + 0.2 * scale, x)
    step, upstream = torch.tensor(scale), randn(6, 9, seed=seed + 1)
    ours = gradients(x, step, qmin, qmax, upstream, grad_scale=0.7)
    leaf, other = x.clone().requires_grad_(), step.reshape(1).clone().requires_grad_()
    y = torch._fake_quantize_learnable_per_tensor_affine(leaf, other, torch.zeros(1), qmin, qmax, 0.7)
    theirs = torch.autograd.grad(y, (leaf, other), upstream)
    assert torch.allclose(ours[0], y, rtol=1e-5, atol=1e-6)
    assert torch.equal(ours[1], theirs[0])
    assert torch.allclose(ours[2], theirs[1][0], rtol=1e-3, atol=1e-3 * x.numel() ** 0.5)


def test_where_torch_differs():
    """0.3 steps beyond the last code the paper clips, and torch rounds."""
    x, step = torch.tensor([3.3]), torch.tensor(1.0)
    _, of_x, of_scale = gradients(x, step, -4, 3, torch.ones(1), grad_scale=1.0)
    leaf, other = x.clone().requires_grad_(), torch.ones(1, requires_grad=True)
    y = torch._fake_quantize_learnable_per_tensor_affine(leaf, other, torch.zeros(1), -4, 3, 1.0)
    theirs = torch.autograd.grad(y.sum(), (leaf, other))
    assert (of_x.item(), of_scale.item()) == (0.0, 3.0)
    assert theirs[0].item() == 1.0
    assert theirs[1].item() == pytest.approx(-0.3, abs=1e-5)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_channels_are_tensors_of_their_own(randn, axis):
    x = randn(3, 4, seed=0) * 2
    scale = torch.rand(x.shape[axis], generator=torch.Generator().manual_seed(1)) + 0.3
    upstream = randn(3, 4, seed=2)
    y, of_x, of_scale = gradients(x, scale, -4, 3, upstream, axis=axis)
    for channel in range(x.shape[axis]):
        parts = [t.select(axis, channel).contiguous() for t in (x, upstream, y, of_x)]
        one = gradients(parts[0], scale[channel], -4, 3, parts[1])
        assert torch.equal(one[0], parts[2])
        assert torch.equal(one[1], parts[3])
        assert torch.allclose(one[2], of_scale[channel])


def test_the_paper_s_gradient_scale_is_the_default(randn):
    x, step, upstream = randn(5, 6), torch.tensor(0.4), randn(5, 6, seed=1)
    default = gradients(x, step, -4, 3, upstream)[2]
    assert torch.allclose(default, gradients(x, step, -4, 3, upstream, grad_scale=1 / math.sqrt(30 * 3))[2])


def test_values_are_those_of_fake_quantize(randn):
    x = randn(8, 8) * 3
    y = lsq_fake_quantize(x, torch.tensor(0.7), -4, 3)
    assert torch.allclose(y, fake_quantize(x, 0.7, 0, -4, 3))


def test_a_step_learns_a_better_clip_limit(randn):
    """On 2 bits, descending on the error beats the step of the largest value."""
    x = randn(1, 4000, seed=3)
    step = lsq_initial_step(x, 1).requires_grad_()
    optimizer = torch.optim.Adam([step], lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        ((lsq_fake_quantize(x, step, -1, 1) - x) ** 2).mean().backward()
        optimizer.step()
    learned = ((lsq_fake_quantize(x, step, -1, 1) - x) ** 2).mean().item()
    codes, scale, _ = quantize_per_channel(x, -1, 1, symmetric=True)
    assert learned < 0.25
    assert ((codes * scale - x) ** 2).mean() > 0.8
    # Three levels fit a bell curve best at 1.22; the estimator's bias ends a little above.
    assert 1.22 < step.item() < 1.35


def test_the_first_step():
    x = torch.tensor([[-1.0, 3.0], [0.0, 0.0]])
    assert lsq_initial_step(x, 4).item() == pytest.approx(2 * 1.0 / 2)
    assert lsq_initial_step(x, 4, axis=0).tolist() == pytest.approx([2.0, 2.0**-23])
    assert lsq_initial_step(torch.tensor([1.0, -4.0]), 1, axis=0).tolist() == [2.0, 8.0]
