"""What the two losses hold, in one process and on one rank of several."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.experiments.large_batches.tiles import features, held

Loss = Callable[..., Tensor]


class RankMemory(NamedTuple):
    """Megabytes that one of several ranks holds at once for loss and gradients (C14)."""

    softmax: float
    sigmoid: float
    logits_softmax: float
    logits_sigmoid: float
    whole_matrix: float


class _Echo:
    """A group whose other ranks hold copies of this one's features: the memory is that of a real rank."""

    def __init__(self, world_size: int) -> None:
        self.rank, self.world_size = 0, world_size

    def all_gather(self, tensor: Tensor) -> Tensor:
        return torch.stack([tensor.detach().clone() for _ in range(self.world_size)])

    def reduce_scatter(self, tensor: Tensor) -> Tensor:
        return tensor.sum(dim=0)

    def shift(self, tensor: Tensor) -> Tensor:
        return tensor.clone()


def rank_memory(world_size: int = 8, shard: int = 256, dim: int = 128) -> RankMemory:
    """What one rank holds for the gathered softmax loss and for the sigmoid loss round a ring."""
    group, bias = _Echo(world_size), torch.tensor(-10.0)
    given = features(shard, dim)
    softmax = held(contrastive.gathered_clip_loss, *given, group)
    sigmoid = held(contrastive.ring_siglip_loss, *given, bias, group)
    block = 4 * shard**2 / 1e6
    return RankMemory(softmax, sigmoid, 2 * world_size * block, block, 4 * (world_size * shard) ** 2 / 1e6)


class LossMemory(NamedTuple):
    """Megabytes held at once for loss and gradients of one batch, in one process."""

    softmax_whole: float
    sigmoid_whole: float
    softmax_tiled: float
    sigmoid_tiled: float


def loss_memory(batch: int = 4096, dim: int = 64, tile: int = 256) -> LossMemory:
    """Softmax against sigmoid, each with its whole matrix and each in tiles (C14, memory row)."""
    given, bias = features(batch, dim), torch.tensor(-10.0)
    ways: list[tuple[Loss, tuple[object, ...]]] = [
        (contrastive.clip_loss, ()),
        (contrastive.siglip_loss, (bias,)),
        (contrastive.tiled_clip_loss, (tile,)),
        (contrastive.siglip_loss_chunked, (bias, tile)),
    ]
    return LossMemory(*(held(loss, *given, *more) for loss, more in ways))
