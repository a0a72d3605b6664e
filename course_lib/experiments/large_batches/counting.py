"""How many bytes a computation holds at once, counted on the tensors that it makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_PRODUCTS = ("aten::mm", "aten::addmm", "aten::addmm_")


class Counted(TorchDispatchMode):
    """Counts the bytes of tensors made inside the block that are alive; `most` is the peak.

    What autograd keeps for a backward pass is alive, views count once, and what was there before counts
    nothing. It sees what torch allocates for results; scratch space inside a kernel is not among it.

    Parameters
    ----------
    progress : callable, optional
        Called with the floating-point operations of every matrix product.
    """

    def __init__(self, progress: Callable[[int], object] | None = None) -> None:
        super().__init__()
        self.most = 0
        self._now = 0
        self._progress = progress
        # Weak references also keep an address from being used again, so that it names one storage for good.
        self._before: dict[int, StorageWeakRef] = {}
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Whether torch is to hide this from its compiler: it would load that first, for seconds."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation, and count what is alive after it."""
        for value in tree_leaves((args, kwargs)):
            if isinstance(value, torch.Tensor):
                storage = value.untyped_storage()
                if storage._cdata not in self._alive:
                    self._before.setdefault(storage._cdata, StorageWeakRef(storage))
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, torch.Tensor):
                storage = value.untyped_storage()
                if storage._cdata not in self._before and storage._cdata not in self._alive:
                    self._alive[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
                    self._now += storage.nbytes()
        for key in [key for key, (storage, _) in self._alive.items() if storage.expired()]:
            self._now -= self._alive.pop(key)[1]
        self.most = max(self.most, self._now)
        if self._progress is not None and func._schema.name in _PRODUCTS:
            (rows, inner), columns = args[-2].shape, args[-1].shape[1]
            self._progress(2 * rows * inner * columns)
        return result


def peak_bytes(compute: Callable[[], object]) -> int:
    """The most bytes that `compute` holds at once, beyond what was there before."""
    with Counted() as counted:
        compute()
    return counted.most
