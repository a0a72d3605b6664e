"""A limit from a histogram, below which a given share of the values lies."""

from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib.quantization.counts import quantile


def percentile_limit(counts: Tensor, edges: Tensor, percentile: float) -> float:
    """The value below which so many percent of a histogram lie."""
    return quantile(edges, counts, percentile / 100)


def _histogram(name: str, bins: int, percentile: float, empty: int = 0, group: str | None = None) -> CaseSpec:
    """Falling counts over bins of unequal number and width, the last ones empty if asked for."""

    def make(rng: Generator) -> dict[str, Any]:
        # 128 values: all shares are exact, so that no rounding decides which bin reaches one.
        filled = bins - empty
        falling = np.sort(rng.integers(2, 128 // bins, size=filled))[::-1].astype(float)
        falling[0] += 128 - falling.sum()
        counts = np.concatenate([falling, np.zeros(empty)])
        width = rng.uniform(0.2, 0.7)
        return {"counts": counts, "edges": width * np.arange(bins + 1), "percentile": percentile}

    return case(name, make, group=group)


def _just_inside(rng: Generator) -> dict[str, Any]:
    """513 of 1,024 values, the first 512 of which are in one bin: just inside of the second."""
    second = float(rng.integers(200, 400))
    return {
        "counts": np.array([512, second, 512 - second]),
        "edges": rng.uniform(0.2, 0.7) * np.arange(4),
        "percentile": 100 * 513 / 1024,
    }


def _gap(rng: Generator) -> dict[str, Any]:
    """120 of 128 values in two bins, nothing in four, then eight outliers; 93.75 % lie before the gap."""
    first = float(rng.integers(60, 90))
    return {
        "counts": np.array([first, 120 - first, 0, 0, 0, 0, 3, 5]),
        "edges": rng.uniform(0.2, 0.7) * np.arange(9),
        "percentile": 93.75,
    }


asked = Exercise(
    "post_training.percentile_limit",
    title="A limit from a histogram",
    minutes=9,
    skills=["calibration", "histograms"],
    reference=percentile_limit,
    outputs=["limit"],
    groups={"value": 2, "empty bins": 1},
    cases=[
        _histogram("5 bins, 90 %", 5, 90.0),
        _histogram("8 bins, 99 %", 8, 99.0),
        _histogram("6 bins, 62.5 %", 6, 62.5),
        case("3 bins, 50.1 %, just inside of the second", _just_inside),
        _histogram("7 bins, the last three empty, 100 %", 7, 100.0, 3, "empty bins"),
        case("a gap of four empty bins, 93.75 % before it", _gap, group="empty bins"),
    ],
    exact=True,
    write_yourself=["course_lib.quantization.counts:quantile"],
    hints=[
        "Go through the bins from the left, and add up their counts. In which bin is the wanted share reached, and how "
        "far into it?",
        "cumsum, divided by the sum, is the share at each right edge; the first one that is at least percentile/100 is "
        "the bin. Inside, go from its left to its right edge in proportion.",
        "reached = counts.cumsum(0) / counts.sum(); the first k with reached[k] >= share; the limit is edges[k] plus "
        "(share − what was reached before k) / (counts[k] / sum) of the bin's width.",
    ],
    follow_up="99.9 % of a million activations leave out a thousand. What if those are the same few channels every time?",
)


def _cumulative(counts: Tensor) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(counts.numpy()) / float(counts.sum())])


@asked.misconception(
    "the empty tail belongs to the range",
    says="Where bins are empty the share does not grow, and you take the far end of that stretch: codes for nothing.",
    asks="At which value is the share reached for the first time?",
)
def empty_tail(counts: Tensor, edges: Tensor, percentile: float) -> float:
    below = _cumulative(counts)
    k = int(np.searchsorted(below, percentile / 100 + 1e-12, side="right")) - 1
    if k >= len(counts):
        return float(edges[-1])
    width = below[k + 1] - below[k]
    return float(edges[k] + (percentile / 100 - below[k]) / width * (edges[k + 1] - edges[k]))


@asked.misconception(
    "a share of the range, not of the values",
    says="You go 90 % of the way from the first edge to the last, whatever the counts are.",
    asks="Where do your counts come in?",
)
def share_of_range(counts: Tensor, edges: Tensor, percentile: float) -> float:
    return float(edges[0] + percentile / 100 * (edges[-1] - edges[0]))


@asked.misconception(
    "a share of the bins",
    says="You count bins, not what is in them.",
    asks="Do two bins with 40 and 3 values count alike?",
)
def share_of_bins(counts: Tensor, edges: Tensor, percentile: float) -> float:
    return float(edges[int(np.ceil(percentile / 100 * len(counts)))])


@asked.misconception(
    "the left edge of the bin",
    says="You stop where the bin begins in which the share is reached: less than the share lies below.",
    asks="How many values lie below your limit?",
)
def left_edge(counts: Tensor, edges: Tensor, percentile: float) -> float:
    k = int(np.argmax(_cumulative(counts)[1:] >= percentile / 100 - 1e-12))
    return float(edges[k])


@asked.misconception(
    "the right edge of the bin",
    says="You take the whole bin in which the share is reached, instead of the part that is needed.",
    asks="How far into its bin does the wanted share reach?",
)
def right_edge(counts: Tensor, edges: Tensor, percentile: float) -> float:
    k = int(np.argmax(_cumulative(counts)[1:] >= percentile / 100 - 1e-12))
    return float(edges[k + 1])


@asked.misconception(
    "the middle of the bin",
    says="You take the bin's centre, however much of it is needed.",
    asks="If 30 of the bin's 40 values are needed, where in it do you stop?",
)
def centre(counts: Tensor, edges: Tensor, percentile: float) -> float:
    k = int(np.argmax(_cumulative(counts)[1:] >= percentile / 100 - 1e-12))
    return float(edges[k] + edges[k + 1]) / 2


@asked.misconception(
    "from the wrong end",
    says="Your share lies above the limit, not below it.",
    asks="Should a 99 % limit be near the largest or near the smallest value?",
)
def from_above(counts: Tensor, edges: Tensor, percentile: float) -> float:
    return float(np.interp(1 - percentile / 100, _cumulative(counts), edges.numpy()))


@asked.misconception(
    "half of the rest at each end",
    says="You leave out half of what should be left out. That is the rule for two ends; here there is one.",
    asks="What percentage of the values lies above your limit?",
)
def two_sided(counts: Tensor, edges: Tensor, percentile: float) -> float:
    share = 1 - (1 - percentile / 100) / 2
    below = _cumulative(counts)
    k = int(np.argmax(below[1:] >= share - 1e-12))
    return float(edges[k] + (share - below[k]) / (below[k + 1] - below[k]) * (edges[k + 1] - edges[k]))


@asked.misconception(
    "percent taken for a share",
    says="You compare shares from 0 to 1 with a number up to 100, which they never reach.",
    asks="Which share is 90 %?",
)
def percent_as_share(counts: Tensor, edges: Tensor, percentile: float) -> float:
    return float(np.interp(percentile, _cumulative(counts), edges.numpy()))


@asked.also_correct("searchsorted, and np.interp inside the bin")
def inside_the_bin(counts: Tensor, edges: Tensor, percentile: float) -> float:
    reached = torch.cat([torch.zeros(1), counts.cumsum(0) / counts.sum()])
    k = int(torch.searchsorted(reached, percentile / 100))
    ends = slice(k - 1, k + 1)
    return float(np.interp(percentile / 100, reached[ends], edges[ends]))


@asked.also_correct("bin by bin")
def one_by_one(counts: Tensor, edges: Tensor, percentile: float) -> float:
    left, k = percentile / 100 * counts.sum(), 0
    while counts[k] < left:
        left -= counts[k]
        k += 1
    return float(edges[k] + left / counts[k] * (edges[k + 1] - edges[k]))
