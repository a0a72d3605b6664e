"""Seconds side by side: contenders take turns, so that a machine's moods meet all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor


def interleaved(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every contender in every round, A B A B ...; what runs for the first time is slow."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            synchronize()
            started = time.perf_counter()
            run()
            synchronize()
            seconds[name].append(time.perf_counter() - started)
    return seconds


def ratio(slow: list[float], fast: list[float]) -> str:
    """How many times as fast: the median of the rounds' ratios, and the least and the greatest of them."""
    ratios = [a / b for a, b in zip(slow, fast, strict=True)]
    return f"{statistics.median(ratios):.2f}× ({min(ratios):.2f}–{max(ratios):.2f})"


def matmul_rate(size: int = 2048, rounds: int = 5) -> float:
    """Return 10⁹ floating-point operations per second, of square float32 matrices on the processor."""
    a, b, out = (torch.randn(size, size) for _ in range(3))

    def product() -> Tensor:
        return torch.mm(a, b, out=out)

    product()
    return 2 * size**3 / 1e9 / statistics.median(interleaved({"mm": product}, rounds)["mm"])


def synchronize() -> None:
    """Wait for a graphics card, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
