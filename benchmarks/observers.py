"""The histogram observer beside torch.ao's: time of a calibration, and mean squared error of its grid."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

import torch
from rich.table import Table
from torch import Tensor
from torch.ao.quantization.observer import HistogramObserver

from benchmarks.timing import interleaved, ratio
from course_lib import quantization

ROUNDS = 15
OURS, THEIRS = "Histogram", "torch.ao"
BATCHES = {10_000: 10, 400_000: 5}  # values in a batch: batches


def tables() -> Iterator[Table]:
    """One row for each kind of data, of grid, and of batch; int8."""
    shown = Table(box=None, title="Calibration on int8, and its error beside that of torch.ao's observer")
    for heading in ("data", "grid", "batches", "ms", "torch.ao ms", "times as fast", "error / torch.ao's"):
        shown.add_column(heading, justify="left" if heading in ("data", "grid") else "right")
    for size, count in BATCHES.items():
        for kind, x in data(size * count).items():
            for symmetric in (False, True):
                batches = x.split(size)
                seconds = interleaved(contenders(batches, symmetric), ROUNDS)
                shown.add_row(
                    kind,
                    "symmetric" if symmetric else "affine",
                    f"{count} × {size:,}",
                    *(f"{1000 * statistics.median(seconds[name]):.1f}" for name in (OURS, THEIRS)),
                    ratio(seconds[THEIRS], seconds[OURS]),
                    f"{errors(x, batches, symmetric):.3f}",
                )
    yield shown


def data(size: int) -> dict[str, Tensor]:
    """Values with light tails, with none on one side, and with a heavy tail."""
    x = torch.randn(size, generator=torch.Generator().manual_seed(0))
    return {"gaussian": x, "after ReLU": x.relu(), "lognormal": x.exp()}


def contenders(batches: tuple[Tensor, ...], symmetric: bool) -> dict[str, Callable[[], object]]:
    """Both observers, each from its first batch to its scale."""
    return {OURS: lambda: _ours(batches, symmetric), THEIRS: lambda: _theirs(batches, symmetric)}


def errors(x: Tensor, batches: tuple[Tensor, ...], symmetric: bool) -> float:
    """Mean squared error of our grid over that of theirs."""
    ours, theirs = (
        quantization.quantization_error(x, quantization.fake_quantize(x, float(scale), int(zero), -128, 127))
        for scale, zero in (_ours(batches, symmetric), _theirs(batches, symmetric))
    )
    return float(ours / theirs)


def _ours(batches: tuple[Tensor, ...], symmetric: bool) -> tuple[Tensor, Tensor]:
    observer = quantization.Histogram(symmetric=symmetric)
    for batch in batches:
        observer.observe(batch)
    return observer.qparams()


def _theirs(batches: tuple[Tensor, ...], symmetric: bool) -> tuple[Tensor, Tensor]:
    scheme = torch.per_tensor_symmetric if symmetric else torch.per_tensor_affine
    observer = HistogramObserver(dtype=torch.qint8, qscheme=scheme)
    for batch in batches:
        observer(batch)
    return observer.calculate_qparams()
