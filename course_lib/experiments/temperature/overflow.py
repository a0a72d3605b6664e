"""Where exp overflows, and what a softmax without a shift makes of it."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from course_lib import contrastive

DTYPES = ("float16", "bfloat16", "float32", "float64")


class Overflow(NamedTuple):
    """The largest scale at which exp is finite, in each dtype, and CLIP's clip beside it."""

    dtypes: tuple[str, ...]
    measured: tuple[float, ...]
    log_largest: tuple[float, ...]
    naive_at_clip: float
    shifted_at_clip: float
    naive_batch_limit: float


def overflow(clip: float = 100.0, batch: int = 32_768) -> Overflow:
    """Find the overflow of exp by bisection; then try both softmaxes at CLIP's own clip in float32."""
    dtypes = [getattr(torch, name) for name in DTYPES]
    similarity = torch.tensor([[1.0, 0.2], [0.1, 0.9]])  # an image that lies on its text: a logit of 100
    exponentials = (clip * similarity).exp()
    naive = exponentials / exponentials.sum(dim=1, keepdim=True)
    shifted = contrastive.softmax_temperature(similarity, 1 / clip)
    return Overflow(
        DTYPES,
        tuple(_largest_finite_exponent(dtype) for dtype in dtypes),
        tuple(math.log(torch.finfo(dtype).max) for dtype in dtypes),
        float(naive[0, 0]),
        float(shifted[0, 0]),
        math.log(torch.finfo(torch.float32).max) - math.log(batch),
    )


def _largest_finite_exponent(dtype: torch.dtype) -> float:
    # In float64 first, then rounded to the dtype: half precision has no grid fine enough to bisect on.
    low, high = 1.0, 1000.0
    for _ in range(60):
        middle = (low + high) / 2
        finite = torch.tensor(middle, dtype=torch.float64).exp().to(dtype).isfinite()
        low, high = (middle, high) if finite else (low, middle)
    return low
