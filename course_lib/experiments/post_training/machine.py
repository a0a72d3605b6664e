"""What this machine can do: bytes and operations a second, measured in fractions of a second."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.experiments.threads import on_threads
from course_lib.quantization import kernels
from course_lib.quantization.frozen import FrozenLinear

#: What /proc/cpuinfo calls the instructions that multiply and add 8-bit integers, and bfloat16.
FLAGS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "asimddp", "i8mm")

#: Of them, those that add products of 8-bit integers into 32 bits at once.
INTEGER_FLAGS = ("avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm")


class Spread(NamedTuple):
    """A median, and the least and the greatest of the repetitions.

    Of a rate the greatest is the roof: what the machine can do when nothing else disturbs it.
    """

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.low:.3g}–{self.high:.3g})"


class Machine(NamedTuple):
    """A processor's two roofs.

    Attributes
    ----------
    processor, instructions : str
    threads : int
        On which all was measured.
    has_vnni : bool or None
        Whether there is an instruction for sums of 8-bit products; None where the system does not say.
    bandwidth : Spread
        Bytes a second, read from memory.
    float32, int8 : Spread
        Operations a second in large matrix products; NaN where no exact int8 kernel is there.
    """

    processor: str
    instructions: str
    threads: int
    has_vnni: bool | None
    bandwidth: Spread
    float32: Spread
    int8: Spread


def roofline(megabytes: int = 256, size: int = 1536, seconds: float = 0.4, threads: int = 1) -> Machine:
    """Measure both roofs of this machine.

    Parameters
    ----------
    megabytes : int
        Read at a time: far more than a cache holds.
    size : int
        Rows and columns of the matrices that are multiplied.
    seconds : float
        For each of the three.
    threads : int
        One is the steadiest: several wait for each other, and for whatever else runs.
    """
    memory = torch.ones(megabytes * 2**18)
    square = torch.rand(size, size)
    codes = torch.full((size, size), 100, dtype=torch.int8)
    runs: dict[str, Callable[[], object]] = {
        "read": memory.amax,
        "float32": lambda: square @ square,
    }
    if kernels.w8a8_works():
        packed, inputs = kernels.pack_w8a8(codes, torch.ones(size), None), codes.float()
        runs["int8"] = lambda: kernels.w8a8_product(inputs, packed)
    taken = {name: in_turn({name: run}, seconds, threads=threads)[name] for name, run in runs.items()}
    operations = 2 * size**3
    nothing = Spread(float("nan"), float("nan"), float("nan"))
    return Machine(
        processor(),
        torch.backends.cpu.get_cpu_capability(),
        threads,
        has_vnni(),
        per_second(memory.nbytes, taken["read"]),
        per_second(operations, taken["float32"]),
        per_second(operations, taken["int8"]) if "int8" in taken else nothing,
    )


def in_turn(
    runs: Mapping[str, Callable[[], object]], seconds: float, at_least: int = 3, threads: int = 1
) -> dict[str, list[float]]:
    """Seconds of every contender, A B A B ..., so that moods meet all alike; a first round is not kept."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    with torch.inference_mode(), on_threads(threads):
        for run in runs.values():
            run()
        end = time.perf_counter() + seconds * len(runs)
        while time.perf_counter() < end or min(map(len, taken.values())) < at_least:
            for name, run in runs.items():
                started = time.perf_counter()
                run()
                taken[name].append(time.perf_counter() - started)
    return taken


def per_second(amount: float, taken: list[float]) -> Spread:
    """So much a second: bytes, operations or tokens."""
    return Spread(amount / statistics.median(taken), amount / max(taken), amount / min(taken))


def times_as_fast(slow: list[float], fast: list[float]) -> Spread:
    """The ratio of two contenders that took turns, round by round."""
    ratios = [a / b for a, b in zip(slow, fast, strict=True)]
    return Spread(statistics.median(ratios), min(ratios), max(ratios))


def processor() -> str:
    """What the system calls the processor."""
    import platform

    for line in _cpuinfo().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def has_vnni() -> bool | None:
    """Whether one instruction adds products of 8-bit integers; None if the system does not say."""
    known = flags()
    return bool(set(known) & set(INTEGER_FLAGS)) if known else None


def flags() -> list[str]:
    """Those of `FLAGS` that the system names; none where it names nothing."""
    words = set(_cpuinfo().split())
    return [flag for flag in FLAGS if flag in words]


def _cpuinfo() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8") if path.exists() else ""


def weights_of(layer: torch.nn.Module) -> int:
    """Bytes that a linear layer has to read for one token: its own count if it has integer weights."""
    if isinstance(layer, FrozenLinear):
        return layer.weight_bytes()
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return weight.nbytes
