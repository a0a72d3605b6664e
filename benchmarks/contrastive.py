"""Contrastive losses beside open_clip's: time and extra memory of a forward and a backward pass.

Both sides get the same float32 inputs and give the same gradients: features and scale, for SigLIP the bias
too. open_clip runs at its best: ClipLoss with ``cache_labels``; SigLipLoss has nothing to set on one device.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

import torch
from rich.progress import track
from rich.table import Table

from benchmarks import open_clip_losses
from benchmarks.contrastive_runs import (
    DIM,
    MATMULS,
    OPEN_CLIP,
    OPEN_SIGLIP,
    SIGLIP,
    TILED,
    TILED_KEEPING,
    contenders,
    four_matmuls,
    inputs,
)
from benchmarks.timing import interleaved, ratio

#: Rounds for each batch: fewer where one takes long.
ROUNDS = {1024: 21, 4096: 7, 8192: 5}
#: Too large for a matrix of logits (4 GiB each): only beside the matrix products that cannot be avoided.
LARGEST, LARGEST_ROUNDS = 32_768, 2
AGAINST = {TILED: OPEN_CLIP, TILED_KEEPING: OPEN_CLIP, SIGLIP: OPEN_SIGLIP}


def tables() -> Iterator[Table]:
    """Two tables for each kind of device that there is."""
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        measured = {batch: _measure(batch, device) for batch in track(ROUNDS, device, transient=True)}
        yield _beside_open_clip(measured, device)
        measured[LARGEST] = _measure_largest(device)
        yield _beside_matmuls(measured, device)


class Measured(NamedTuple):
    """What each loss took at one size of batch."""

    seconds: dict[str, list[float]]
    memory: dict[str, int]


def _measure(batch: int, device: str) -> Measured:
    given = inputs(batch, device)
    losses, matmuls = contenders(given), four_matmuls(given)
    _check_that_they_agree({name: run() for name, run in losses.items()})  # and so warm up
    matmuls()
    seconds = interleaved({**losses, MATMULS: matmuls}, ROUNDS[batch])
    return Measured(seconds, {name: _memory_in_a_fresh_process(name, batch, device) for name in losses})


def _measure_largest(device: str) -> Measured:
    given = inputs(LARGEST, device)
    runs = {TILED: contenders(given)[TILED], MATMULS: four_matmuls(given)}
    memory = {TILED: _memory_in_a_fresh_process(TILED, LARGEST, device)}
    return Measured(interleaved(runs, LARGEST_ROUNDS), memory)


def _beside_open_clip(measured: dict[int, Measured], device: str) -> Table:
    shown = Table(box=None, title=f"Beside {open_clip_losses.name()}: {device}, float32, D = {DIM}")
    shown.add_column("loss", no_wrap=True)
    for heading in ("N", "times as fast", "s", "theirs", "extra MB", "theirs", "less"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for batch, (seconds, memory) in measured.items():
        for ours, theirs in AGAINST.items():
            shown.add_row(
                ours,
                f"{batch:,}",
                ratio(seconds[theirs], seconds[ours]),
                *(f"{statistics.median(seconds[name]):.3f}" for name in (ours, theirs)),
                *(f"{memory[name] / 1e6:.0f}" for name in (ours, theirs)),
                f"{memory[theirs] / memory[ours]:.1f}×",
            )
        shown.add_section()
    return shown


def _beside_matmuls(measured: dict[int, Measured], device: str) -> Table:
    shown = Table(box=None, title=f"{TILED} beside {MATMULS}, [N, D] × [D, N]: {device}")
    for heading in ("N", "times as long", "s", "matmuls", "extra MB", "one N×N matrix, MB"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for batch, (seconds, memory) in measured.items():
        shown.add_row(
            f"{batch:,}",
            ratio(seconds[TILED], seconds[MATMULS]),
            *(f"{statistics.median(seconds[name]):.3f}" for name in (TILED, MATMULS)),
            f"{memory[TILED] / 1e6:.0f}",
            f"{batch**2 * 4 / 1e6:,.0f}",
        )
    return shown


def _memory_in_a_fresh_process(name: str, batch: int, device: str) -> int:
    """One run each: memory that another loss left to the process would flatter the next."""
    command = [sys.executable, "-m", "benchmarks.contrastive_runs", name, str(batch), device]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _check_that_they_agree(results: dict[str, tuple[torch.Tensor, ...]]) -> None:
    for ours, theirs in AGAINST.items():
        for got, expected in zip(results[ours], results[theirs], strict=True):
            error = (got - expected).abs().max() / expected.abs().max()
            if not error < 1e-4:
                raise SystemExit(f"{ours} and {theirs} differ by {error:.1e}: there is nothing to compare.")
