"""The function of "Spot the bugs"."""

from __future__ import annotations

import torch
from torch import Tensor


def recall_with_three_bugs(image_features: Tensor, text_features: Tensor, tile: int) -> Tensor:
    """Recall at 1 in tiles, as the lesson prints it: right for one tile, wrong in three ways for more."""
    positives = torch.zeros(len(image_features), dtype=image_features.dtype)
    for start in range(0, len(text_features) - tile + 1, tile):
        block = image_features @ text_features[start : start + tile].T
        pairs = torch.arange(tile)
        positives[pairs] = block[pairs, pairs]
        block[pairs, pairs] = -torch.inf
        best = block.amax(dim=1)
    return (positives > best).to(positives.dtype).mean()
