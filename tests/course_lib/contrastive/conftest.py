"""What the contrastive tests share: random inputs, autograd's gradients, and how tensors are compared."""

from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


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


class _Allocations(TorchDispatchMode):
    """Memory claims without a clock: the largest storage that any operation allocates, and their calls."""

    def __init__(self):
        super().__init__()
        self.largest = 0
        self._calls = Counter()

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        result = function(*arguments, **(keywords or {}))
        self._calls[function.overloadpacket.__name__] += 1
        old = {storage.data_ptr() for storage in self._storages((arguments, keywords))}
        new = [storage.nbytes() for storage in self._storages(result) if storage.data_ptr() not in old]
        self.largest = max(self.largest, *new, 0)
        return result

    @staticmethod
    def _storages(tree):
        return [leaf.untyped_storage() for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]

    def calls(self, operation):
        """How often an operation ran, whatever its overload: "mm", "addmm_"."""
        return self._calls[operation]


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


@pytest.fixture(scope="session")
def allocations():
    return _Allocations
