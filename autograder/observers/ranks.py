"""Run an answer as several processes would run it, one after the other in this one.

Worker processes cannot import what a notebook defines, and a sandbox has no network. So every rank's run is
replayed until it asks for something that another rank has not yet given; then the next rank has its turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from autograder.observers.arrays import NotAnArray, with_article


class _Waiting(BaseException):
    """A rank needs what others have not given yet. No Exception, which an answer might catch."""


class SimulatedGroup:
    """One rank's end of a group of processes.

    Every rank has to make the same calls in the same order, as with real processes.
    """

    def __init__(self, rank: int, world_size: int, given: list[dict[int, tuple[str, torch.Tensor]]]) -> None:
        self.rank = rank
        self.world_size = world_size
        self._given = given
        self._calls = 0

    def all_gather(self, tensor: torch.Tensor) -> torch.Tensor:
        """Every rank's tensor, stacked in the order of ranks. As in torch.distributed, without gradients."""
        return torch.stack(self._exchange("all_gather", tensor))

    def reduce_scatter(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum over all ranks of what they have for this rank: of ``tensor[rank]``."""
        return torch.stack([other[self.rank] for other in self._exchange("reduce_scatter", tensor)]).sum(0)

    def shift(self, tensor: torch.Tensor) -> torch.Tensor:
        """Hand a tensor to the next rank, and get the previous one's. Gradients travel back the same way."""
        return _Shift.apply(tensor, self)

    def _pass(self, name: str, tensor: torch.Tensor, steps: int) -> torch.Tensor:
        return self._exchange(name, tensor)[(self.rank - steps) % self.world_size].clone()

    def _exchange(self, name: str, tensor: torch.Tensor) -> list[torch.Tensor]:
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"{name} exchanges tensors, got {with_article(tensor)}.")
        if self._calls == len(self._given):
            self._given.append({})
        step = self._given[self._calls]
        self._calls += 1
        step[self.rank] = (name, tensor.detach().clone())
        for other, (theirs, _) in step.items():
            if theirs != name:
                raise RuntimeError(
                    f"rank {self.rank} calls {name} where rank {other} calls {theirs}: every rank has to "
                    "make the same calls in the same order."
                )
        if len(step) < self.world_size:
            raise _Waiting
        return [step[rank][1] for rank in range(self.world_size)]


class _Shift(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor, group: SimulatedGroup) -> torch.Tensor:
        ctx.group = group
        return group._pass("shift", tensor, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        return ctx.group._pass("the way back of shift", gradients[0], -1), None


def call(answer: Callable[..., Any], given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The mean of the losses of all ranks, and the gradients that averaging over the ranks leaves.

    Parameters
    ----------
    answer : callable
        What one rank runs: it gets its shard of every input that has axes, the other inputs, and ``group``;
        it returns that rank's loss.
    given : dict
        The inputs: arrays of [world, ...] in shards, 0-d ones alike on every rank.
    """
    world = next(len(value) for value in given.values() if isinstance(value, torch.Tensor) and value.ndim)
    exchanged: list[dict[int, tuple[str, torch.Tensor]]] = []
    finished: dict[int, tuple[torch.Tensor, dict[str, torch.Tensor]]] = {}
    while len(finished) < world:
        before = (len(finished), sum(map(len, exchanged)))
        for rank in range(world):
            if rank not in finished:
                try:
                    finished[rank] = _run(answer, given, SimulatedGroup(rank, world, exchanged))
                except _Waiting:
                    continue
        if (len(finished), sum(map(len, exchanged))) == before:
            step = next(step for step in exchanged if len(step) < world)
            waiting = next(iter(step))
            raise RuntimeError(
                f"rank {waiting} waits in {step[waiting][0]} for ranks that have finished without calling it."
            )
    losses, gradients = zip(*(finished[rank] for rank in range(world)), strict=True)
    averaged = {
        name: (torch.stack([one[name] for one in gradients]) / world)
        if given[name].ndim
        else torch.stack([one[name] for one in gradients]).mean()
        for name in gradients[0]
    }
    return torch.stack(losses).mean(), averaged


def _run(
    answer: Callable[..., Any], given: dict[str, Any], group: SimulatedGroup
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    mine = {
        name: (value[group.rank] if value.ndim else value).detach().clone().requires_grad_()
        if isinstance(value, torch.Tensor)
        else value
        for name, value in given.items()
    }
    loss = answer(**mine, group=group)
    if not isinstance(loss, torch.Tensor):
        raise NotAnArray(with_article(loss))
    leaves = {name: value for name, value in mine.items() if isinstance(value, torch.Tensor)}
    found: tuple[Any, ...] = (None,) * len(leaves)
    if loss.requires_grad and loss.ndim == 0:  # another shape is said already
        found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    return loss.detach(), {
        name: torch.zeros_like(leaf) if gradient is None else gradient
        for (name, leaf), gradient in zip(leaves.items(), found, strict=True)
    }
