"""Linear layers with integer weights beside torch's in float32, bfloat16, and torch.ao's dynamic one."""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Callable, Iterator, Mapping

import torch
from rich.table import Table
from torch import Tensor

from benchmarks.timing import interleaved, ratio
from course_lib.experiments.post_training.machine import flags
from course_lib.quantization import W8A8Linear, WeightOnlyLinear

FLOAT, AO = "float32", "torch.ao dynamic int8"
SQUARE, WIDE = (2048, 2048), (4096, 11008)  # in, out: the second one is of a 7-billion-parameter LLaMA
ROUNDS = {1: 41, 16: 21, 128: 9}  # tokens: rounds
GROUP = 32


def tables() -> Iterator[Table]:
    """One table for each shape and number of tokens, one row for each layer."""
    for (dim, outputs), tokens in ((SQUARE, 1), (SQUARE, 16), (SQUARE, 128), (WIDE, 1)):
        yield table(dim, outputs, tokens, ROUNDS[tokens])


def table(dim: int, outputs: int, tokens: int, rounds: int) -> Table:
    """Time every layer on the same input."""
    linear = torch.nn.Linear(dim, outputs)
    x = torch.randn(tokens, dim, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        runs = contenders(linear, x)
        exact = linear(x)
        errors = {name: float((run().float() - exact).norm() / exact.norm()) for name, run in runs.items()}
        seconds = interleaved(runs, rounds)
    shown = Table(
        box=None,
        title=f"{tokens} token{'s' if tokens > 1 else ''}, {dim} → {outputs}, on {instructions()}",
        title_justify="left",
    )
    for heading in ("layer", f"times as fast as {FLOAT}", "as torch.ao", "ms", "relative error"):
        shown.add_column(heading, justify="left" if heading == "layer" else "right")
    for name in runs:
        shown.add_row(
            name,
            ratio(seconds[FLOAT], seconds[name]),
            ratio(seconds[AO], seconds[name]) if AO in seconds else "–",
            f"{1000 * statistics.median(seconds[name]):.2f}",
            f"{errors[name]:.4f}",
        )
    return shown


def contenders(linear: torch.nn.Linear, x: Tensor) -> Mapping[str, Callable[[], Tensor]]:
    """Every layer, from a float32 input to its output; the names of ours end with their kernel's."""
    w8a8 = W8A8Linear.from_linear(linear)
    static = W8A8Linear.from_linear(linear, float(x.abs().max()) / 127)
    w8 = WeightOnlyLinear.from_linear(linear, 8, None)
    w4 = WeightOnlyLinear.from_linear(linear, 4, GROUP)
    half = torch.nn.Linear(linear.in_features, linear.out_features, dtype=torch.bfloat16)
    half.load_state_dict(linear.state_dict())
    runs: dict[str, Callable[[], Tensor]] = {
        FLOAT: lambda: linear(x),
        "bfloat16": lambda: half(x.bfloat16()),
        f"W8A8 per token, {w8a8.kernel}": lambda: w8a8(x),
        f"W8A8 static, {static.kernel}": lambda: static(x),
        f"W8, {w8.kernel}": lambda: w8(x),
        f"W4 in groups of {GROUP}, {w4.kernel}": lambda: w4(x),
    }
    theirs = dynamic(linear)
    return runs if theirs is None else {**runs, AO: lambda: theirs(x)}


def dynamic(linear: torch.nn.Linear) -> Callable[[Tensor], Tensor] | None:
    """torch.ao's dynamic layer (a scale for each batch), or None where torch has none any more."""
    with warnings.catch_warnings():
        # torch.ao's quantization announces that it moves to another package; its kernels are the same there.
        warnings.simplefilter("ignore")
        try:
            model = torch.ao.quantization.quantize_dynamic(
                torch.nn.Sequential(linear), {torch.nn.Linear}, dtype=torch.qint8
            )
            model(torch.zeros(1, linear.in_features))
        except (AttributeError, RuntimeError):
            return None
    return model


def instructions() -> str:
    """Give torch's level of vector instructions, and those of the processor that matter here."""
    capability = torch.backends.cpu.get_cpu_capability()
    return f"{capability} ({', '.join(flags()) or 'flags unknown'})"
