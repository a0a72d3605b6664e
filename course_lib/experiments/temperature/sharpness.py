"""How sharp a softmax over cosines can be at best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Sharpest(NamedTuple):
    """The largest probability that any geometry can give to one of N texts, at several scales."""

    scales: tuple[float, ...]
    probabilities: tuple[float, ...]


def sharpest(batch: int = 191, scales: Sequence[float] = (1.0, 2.0, 3.0, 5.0)) -> Sharpest:
    """One cosine at 1, all others at −1: the best case, 1 / (1 + (N − 1) exp(−2 · scale))."""
    return Sharpest(tuple(scales), tuple(1 / (1 + (batch - 1) * math.exp(-2 * c)) for c in scales))
