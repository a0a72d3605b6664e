"""Run the benchmarks: ``make bench``, or ``python -m benchmarks contrastive`` for one of them."""

import os
from enum import StrEnum
from importlib import import_module

import torch
import typer
from rich.console import Console

from benchmarks.timing import matmul_rate


class Name(StrEnum):
    """The benchmarks, each a module with a function ``tables``."""

    verdicts = "verdicts"
    contrastive = "contrastive"
    observers = "observers"
    linears = "linears"
    grading = "grading"


def run(names: list[Name] | None = typer.Argument(None, help="all of them if none is named")) -> None:  # noqa: B008
    """Print the tables, below one line about the machine."""
    console = Console()
    if not console.is_terminal:
        console.width = 120  # into a file, no heading has to be cut
    # To whatever the load of a shared machine makes of the times, ratios are less sensitive.
    load = f", load {os.getloadavg()[0]:.1f} before" if hasattr(os, "getloadavg") else ""
    console.print(
        f"{os.cpu_count()} cores, torch {torch.__version__}, {torch.get_num_threads()} threads, "
        f"{matmul_rate():.0f} GFLOP/s in float32 matrix products{load}"
    )
    for name in names or list(Name):
        for table in import_module(f"benchmarks.{name}").tables():
            console.print(table)


typer.run(run)
