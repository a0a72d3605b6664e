"""How long a layer of SmolLM2's size takes in int8, on this machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch

from course_lib.experiments.threads import on_threads
from course_lib.quantization import W8A8Linear


class Speed(NamedTuple):
    """Medians in microseconds, by the number of tokens, and what multiplied the integers."""

    tokens: tuple[int, ...]
    float32: tuple[float, ...]
    static: tuple[float, ...]
    per_token: tuple[float, ...]
    kernel: str


@on_threads(1)
def speed(
    tokens: tuple[int, ...] = (1, 16, 128, 512), dim: int = 576, outputs: int = 1536, seconds: float = 0.15
) -> Speed:
    """Time gate_proj's size in float32, with a static scale, and with a scale for each token, one thread."""
    linear = torch.nn.Linear(dim, outputs, bias=False)
    static, per_token = W8A8Linear.from_linear(linear, 0.03), W8A8Linear.from_linear(linear)
    layers: list[torch.nn.Module] = [linear, static, per_token]
    columns: list[list[float]] = [[], [], []]
    with torch.inference_mode():
        for number in tokens:
            x = torch.randn(number, dim, generator=torch.Generator().manual_seed(number))
            for column, layer in zip(columns, layers, strict=True):
                column.append(_median(partial(layer, x), seconds))
    floats, statics, dynamics = map(tuple, columns)
    return Speed(tokens, floats, statics, dynamics, static.kernel)


def _median(run: Callable[[], object], seconds: float) -> float:
    """The median of as many runs as fit into the time, in microseconds."""
    for _ in range(3):
        run()
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while not taken or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return 1e6 * statistics.median(taken)
