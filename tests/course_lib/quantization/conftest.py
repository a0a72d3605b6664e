"""What the quantization tests share: random inputs, and how tensors are compared."""

import pytest
import torch


def _randn(*shape, seed=0, dtype=torch.float32):
    """Drawn in float64 whatever the dtype, so that both precisions see the same numbers."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def _assert_close(got, expected, tolerance=1e-9):
    """Same shape and dtype, all finite, every difference at most ``tolerance``."""
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    assert torch.isfinite(got).all()
    assert ((got - expected).abs() <= tolerance).all()


@pytest.fixture(scope="session")
def randn():
    return _randn


@pytest.fixture(scope="session")
def assert_close():
    return _assert_close
