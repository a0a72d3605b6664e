"""Tensors on their way between processes, and their gradients on the way back."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch import distributed as dist

from course_lib.contrastive._tiled_grads import refuse_second_derivative


class Ranks(NamedTuple):
    """The place of this process among those that share a batch."""

    rank: int
    size: int
    group: Any

    @classmethod
    def of(cls, group: Any) -> Ranks:
        """Look the place up; without an initialised process group, it is the only one.

        Examples
        --------
        >>> Ranks.of(None)
        Ranks(rank=0, size=1, group=None)
        """
        if not (dist.is_available() and dist.is_initialized()):
            return cls(0, 1, None)
        rank = dist.get_rank(group)
        if rank < 0:
            raise ValueError(f"group must hold this process, rank {dist.get_rank()} of all, but it does not.")
        return cls(rank, dist.get_world_size(group), group)

    def check_equal_shapes(self, name: str, matrix: Tensor) -> None:
        """Raise ValueError, on every rank, unless all ranks hold matrices of one shape."""
        if self.size == 1:
            return
        own = torch.tensor(matrix.shape, device=matrix.device)
        shapes = [torch.empty_like(own) for _ in range(self.size)]
        dist.all_gather(shapes, own, group=self.group)
        first, *others = (shape.tolist() for shape in shapes)
        for rank, shape in enumerate(others, start=1):
            if shape != first:
                raise ValueError(
                    f"{name} must have the same shape on every rank: "
                    f"expected {first} as on rank 0, got {shape} on rank {rank}."
                )

    def neighbour(self, steps: int) -> int:
        """Return the rank so many steps to the right on the ring, as all processes number it."""
        rank = (self.rank + steps) % self.size
        return rank if self.group is None else dist.get_global_rank(self.group, rank)


def all_gather(local: Tensor, ranks: Ranks, function: str, instead: str) -> Tensor:
    """Return all ranks' rows, in the order of ranks; gradients of a rank's rows come home from all of them.

    Examples
    --------
    >>> all_gather(torch.eye(2), Ranks(0, 1, None), "this", instead="that")
    tensor([[1., 0.],
            [0., 1.]])
    """
    if ranks.size == 1:
        return local
    gathered: Tensor = _AllGather.apply(local, ranks, function, instead)
    return gathered


def from_left(local: Tensor, ranks: Ranks, function: str, instead: str) -> Tensor:
    """Give a matrix to the right neighbour and return the left one's; gradients go the other way."""
    received: Tensor = _FromLeft.apply(local, ranks, function, instead)
    return received


class _AllGather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, local: Tensor, ranks: Ranks, function: str, instead: str) -> Tensor:
        ctx.ranks, ctx.rows, ctx.names = ranks, len(local), (function, instead)
        parts = [torch.empty_like(local, memory_format=torch.contiguous_format) for _ in range(ranks.size)]
        dist.all_gather(parts, local.contiguous(), group=ranks.group)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivative(*ctx.names)
        # Every rank has a gradient for every row. A reduce-scatter would move half as much; gloo, which works
        # on every machine, has long been without one.
        total = upstream.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total, group=ctx.ranks.group)
        start = ctx.ranks.rank * ctx.rows
        return total[start : start + ctx.rows], None, None, None


class _FromLeft(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, local: Tensor, ranks: Ranks, function: str, instead: str) -> Tensor:
        ctx.ranks, ctx.names = ranks, (function, instead)
        return _exchange(local, ranks, to=ranks.neighbour(1), source=ranks.neighbour(-1))

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivative(*ctx.names)
        ranks = ctx.ranks
        grad = _exchange(upstream, ranks, to=ranks.neighbour(-1), source=ranks.neighbour(1))
        return grad, None, None, None


def _exchange(sent: Tensor, ranks: Ranks, to: int, source: int) -> Tensor:
    sent = sent.contiguous()
    received = torch.empty_like(sent)
    # Both at once: if every rank first waited for its message to arrive, nobody would ever receive.
    pair = [
        dist.P2POp(dist.isend, sent, to, ranks.group),
        dist.P2POp(dist.irecv, received, source, ranks.group),
    ]
    for request in dist.batch_isend_irecv(pair):
        request.wait()
    return received
