"""Contrastive losses beside open_clip's: time and extra memory of a forward and a backward pass.

Both sides get the same float32 inputs and give the same gradients: features and scale, for SigLIP the bias
too. open_clip runs at its best: ClipLoss with ``cache_labels``; SigLipLoss has nothing to set on one device.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator

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
    """One table for each kind of device that there is."""
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        yield _beside_open_clip(device)
        yield _beside_matmuls(device)


def _beside_open_clip(device: str) -> Table:
    shown = Table(box=None, title=f"Losses beside {open_clip_losses.name()}, {device}, D = {DIM}")
    shown.add_column("loss", no_wrap=True)
    shown.add_column("N", justify="right")
    for heading in ("times as fast", "seconds", "theirs", "extra MB", "theirs", "of theirs"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for batch, rounds in track(ROUNDS.items(), "beside open_clip", transient=True):
        runs = contenders(inputs(batch, device))
        _check_that_they_agree({name: run() for name, run in runs.items()})
        seconds = interleaved(runs, rounds)
        memory = {name: _memory_in_a_fresh_process(name, batch, device) for name in runs}
        for ours, theirs in AGAINST.items():
            shown.add_row(
                ours,
                f"{batch:,}",
                ratio(seconds[theirs], seconds[ours]),
                f"{statistics.median(seconds[ours]):.3f}",
                f"{statistics.median(seconds[theirs]):.3f}",
                f"{memory[ours] / 1e6:.0f}",
                f"{memory[theirs] / 1e6:.0f}",
                f"1/{memory[theirs] / memory[ours]:.1f}",
            )
        shown.add_section()
    return shown


def _beside_matmuls(device: str) -> Table:
    shown = Table(box=None, title=f"tiled_clip_loss beside {MATMULS} [N, D] × [D, N], {device}, D = {DIM}")
    for heading in ("N", "times as long", "seconds", "matmuls", "extra MB", "one matrix of logits"):
        shown.add_column(heading, justify="right", no_wrap=True)
    sizes = {**ROUNDS, LARGEST: LARGEST_ROUNDS}
    for batch, rounds in track(sizes.items(), "beside matrix products", transient=True):
        given = inputs(batch, device)
        runs = {TILED: contenders(given)[TILED], MATMULS: four_matmuls(given)}
        seconds = interleaved(runs, rounds)
        shown.add_row(
            f"{batch:,}",
            ratio(seconds[TILED], seconds[MATMULS]),
            *(f"{statistics.median(seconds[name]):.3f}" for name in (TILED, MATMULS)),
            f"{_memory_in_a_fresh_process(TILED, batch, device) / 1e6:.0f}",
            f"{batch**2 * 4 / 1e6:,.0f} MB",
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
