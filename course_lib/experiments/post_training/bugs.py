"""The function with bugs that the lesson prints."""

from __future__ import annotations

import torch
from torch import Tensor


def kv_with_three_bugs(states: Tensor, bits: int) -> tuple[Tensor, Tensor, Tensor]:
    """As printed: one range for all heads, no zero in it, a zero point that is cut off."""
    qmin, qmax = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    low = states.amin(dim=(1, 3), keepdim=True)
    high = states.amax(dim=(1, 3), keepdim=True)
    scale = (high - low) / (qmax - qmin)
    zero_point = (qmin - low / scale).long()
    codes = torch.round(states / scale + zero_point).clamp(qmin, qmax).to(torch.int8)
    return codes, scale, zero_point
