"""The functions that a formula can call."""

from __future__ import annotations

import math
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Function:
    """A function of numbers, and how it is applied.

    Parameters
    ----------
    compute : callable
        Takes floats.
    applied : str
        ``each``: to each entry of a vector. ``all``: to all entries of its one argument, which is a vector.
        ``either``: to all entries if there is one argument, entry by entry if there are several.
    counts : container of int
        How many arguments it can have.
    """

    compute: Callable[..., float]
    applied: Literal["each", "all", "either"] = "each"
    counts: Container[int] = (1,)


def _sigmoid(x: float) -> float:
    # exp never overflows: its argument is negative.
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _logsumexp(*entries: float) -> float:
    largest = max(entries)
    return largest + math.log(math.fsum(math.exp(entry - largest) for entry in entries))


FUNCTIONS = {
    "exp": Function(math.exp),
    "log": Function(math.log),
    "ln": Function(math.log),
    "log2": Function(math.log2),
    "log10": Function(math.log10),
    "sqrt": Function(math.sqrt),
    "abs": Function(abs),
    "sigmoid": Function(_sigmoid),
    "tanh": Function(math.tanh),
    "round": Function(lambda x: float(round(x))),  # a half goes to the even neighbour, as in torch
    "floor": Function(lambda x: float(math.floor(x))),
    "ceil": Function(lambda x: float(math.ceil(x))),
    "sign": Function(lambda x: float((x > 0) - (x < 0))),
    "min": Function(min, "either", range(1, 100)),
    "max": Function(max, "either", range(1, 100)),
    "sum": Function(lambda *entries: math.fsum(entries), "all"),
    "mean": Function(lambda *entries: math.fsum(entries) / len(entries), "all"),
    "logsumexp": Function(_logsumexp, "all"),
}
