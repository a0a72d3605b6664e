"""Seeded random numbers for experiments."""

from __future__ import annotations

import torch
from torch import Tensor


def random_rows(rows: int, dim: int, seed: int) -> Tensor:
    """A standard normal float64 matrix, the same for the same seed."""
    return torch.randn(rows, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
