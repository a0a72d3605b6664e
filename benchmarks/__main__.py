"""Run every benchmark: ``make bench``, or ``python -m benchmarks``."""

import os

import torch
from rich.console import Console

from benchmarks import verdicts

console = Console()
console.print(f"{os.cpu_count()} cores, torch {torch.__version__}, {torch.get_num_threads()} threads")
console.print(verdicts.table())
