"""The Hessian of a layer's output error, its factor, and the best reaction to a fixed column."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.quantization import compensate, inverse_factor, layer_hessian

SEEDS = st.integers(0, 10**6)


def spd(randn, width, seed):
    """A Hessian of inputs that depend on one another."""
    return layer_hessian(
        randn(3 * width, width, seed=seed, dtype=torch.float64)
        @ randn(width, width, seed=seed + 1, dtype=torch.float64)
    )


@settings(deadline=None)
@given(SEEDS, st.integers(1, 7))
def test_the_hessian_is_the_second_derivative_of_the_output_error(randn, seed, width):
    x, w = randn(5, width, seed=seed, dtype=torch.float64), randn(width, seed=seed + 1, dtype=torch.float64)
    second = torch.autograd.functional.hessian(lambda v: (x @ (v - w)).square().sum(), w)
    torch.testing.assert_close(layer_hessian(x, 0.0), second)
    damped = layer_hessian(x, 0.25)
    extra = 0.25 * second.diagonal().mean() * torch.eye(width, dtype=torch.float64)
    torch.testing.assert_close(damped, second + extra)


def test_all_axes_but_the_last_are_tokens(randn, assert_close):
    x = randn(2, 3, 4)
    assert_close(layer_hessian(x), layer_hessian(x.reshape(6, 4)))


def test_a_dead_input_stands_alone(randn):
    x = randn(20, 4, dtype=torch.float64)
    x[:, 1] = 0
    keep = [0, 2, 3]
    got, live = layer_hessian(x, 0.5), layer_hessian(x[:, keep], 0.5)
    torch.testing.assert_close(got[keep][:, keep], live)
    assert got[1, keep].tolist() == [0, 0, 0]
    assert got[1, 1].item() == pytest.approx(live.diagonal().mean().item())
    assert torch.equal(layer_hessian(torch.zeros(3, 2), 0.5), 1.5 * torch.eye(2))


@settings(deadline=None)
@given(SEEDS, st.integers(1, 8))
def test_the_factor_gives_the_inverse_of_every_trailing_block(randn, seed, width):
    """Why the upper one: from row i on it is the factor of what H leaves for the columns from i on."""
    hessian = spd(randn, width, seed)
    factor = inverse_factor(hessian)
    assert torch.equal(factor, factor.triu())
    assert (factor.diagonal() > 0).all()
    for i in range(width):
        rest = factor[i:, i:].T @ factor[i:, i:] @ hessian[i:, i:]
        torch.testing.assert_close(rest, torch.eye(width - i, dtype=torch.float64), rtol=0, atol=1e-6)


def test_what_cannot_be_inverted_is_refused(randn):
    with pytest.raises(ValueError, match="hessian must be positive definite: damp it"):
        inverse_factor(layer_hessian(randn(2, 4), 0.0))
    with pytest.raises(ValueError, match="positive definite"):
        inverse_factor(-torch.eye(2))


@settings(deadline=None)
@given(SEEDS, st.integers(2, 6))
def test_no_other_reaction_costs_less(randn, seed, width):
    hessian = spd(randn, width, seed)
    weight, values = (randn(n, dtype=torch.float64, seed=seed + k) for k, n in ((3, (2, width)), (4, (2,))))
    found = compensate(weight, 1, values, hessian)
    assert torch.equal(found[:, 1], values)
    # At the least cost the gradient vanishes in all columns that were free.
    gradient = (found - weight) @ hessian
    gradient[:, 1] = 0
    assert gradient.abs().max() <= 1e-7 * hessian.abs().max()


def test_uncorrelated_inputs_leave_the_others_alone(randn, assert_close):
    weight = randn(3, 4)
    found = compensate(weight, 2, torch.zeros(3), 2 * torch.eye(4))
    weight[:, 2] = 0
    assert_close(found, weight)
