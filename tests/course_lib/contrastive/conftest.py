"""What the contrastive tests share: random inputs, autograd's gradients, and how tensors are compared."""

import pytest
import torch
import torch.nn.functional as F


def _randn(*shape, seed=0, dtype=torch.float64):
    """Drawn in float64 whatever the dtype, so that both precisions see the same numbers."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def _random_pairs(size, dim, seed=0, dtype=torch.float64):
    """Two independent matrices of unit rows."""
    image, text = F.normalize(_randn(2, size, dim, seed=seed), dim=2).to(dtype)
    return image, text


def _gradients(function, *arguments):
    """What autograd says of a scalar function, for every argument."""
    leaves = [argument.detach().clone().requires_grad_() for argument in arguments]
    return torch.autograd.grad(function(*leaves), leaves)


def _assert_close(got, expected, tolerance=1e-9):
    """Same shape and dtype, all finite, every difference at most ``tolerance``."""
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    assert torch.isfinite(got).all()
    assert ((got - expected).abs() <= tolerance).all()


# Of the session's scope, so that hypothesis may use them: they hold no state.
@pytest.fixture(scope="session")
def randn():
    return _randn


@pytest.fixture(scope="session")
def random_pairs():
    return _random_pairs


@pytest.fixture(scope="session")
def gradients():
    return _gradients


@pytest.fixture(scope="session")
def assert_close():
    return _assert_close
