"""How much an answer holds at once: whether a matrix was ever whole cannot be seen in its results."""

from __future__ import annotations

from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Held(TorchDispatchMode):
    """Counts the numbers in tensors that were made inside the block and are still alive; `most` is the peak.

    Views share their numbers with what they look at and count once; what existed before counts nothing.
    Autograd keeps tensors for its backward pass, and these count too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        # Weak references keep an address from being used again, so that it names one storage for good.
        self._before: dict[int, StorageWeakRef] = {}
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Whether torch is to hide this from its compiler: it would load that first, for seconds."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation, and count what is alive after it."""
        for value in tree_leaves((args, kwargs)):
            if isinstance(value, torch.Tensor) and (key := _key(value)) not in self._alive:
                self._before.setdefault(key, StorageWeakRef(value.untyped_storage()))
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, torch.Tensor) and (key := _key(value)) not in self._before:
                self._alive[key] = (StorageWeakRef(value.untyped_storage()), _entries(value))
        self._alive = {key: entry for key, entry in self._alive.items() if not entry[0].expired()}
        self.most = max(self.most, sum(entries for _, entries in self._alive.values()))
        return result


def _key(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _entries(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().nbytes() // tensor.element_size()
