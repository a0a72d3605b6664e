"""What the models of language expect of token numbers."""

from typing import Any

import torch
from torch import Tensor

from course_lib.validate import check_not_empty, check_rank, check_tensor


def check_tokens(name: str, value: Any, vocab_size: int) -> None:
    """Raise unless ``value`` is a non-empty int64 matrix of token numbers, one sequence per row."""
    check_tensor(name, value)
    assert isinstance(value, Tensor)
    if value.dtype != torch.int64:
        raise TypeError(f"{name} must be torch.int64, got {value.dtype}: convert it with {name}.long().")
    check_rank(name, value, ("batch", "positions"))
    check_not_empty(name, value)
    low, high = int(value.min()), int(value.max())
    if low < 0 or high >= vocab_size:
        outside = low if low < 0 else high
        raise ValueError(f"{name} must lie in the vocabulary, 0..{vocab_size - 1}, got {outside}.")
