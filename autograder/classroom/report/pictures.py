"""The report's pictures: what to draw, in numbers, for the SVG of the template."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.classroom.report.overview import Entry, Item, Overview
from autograder.classroom.report.statistics import full

BINS = 10


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram: from where to where, how many, and the share of the longest one."""

    start: float
    end: float
    count: int
    share: float


@dataclass(frozen=True)
class Tile:
    """One student's result in one exercise: how high it is filled, and in which way."""

    height: float
    kind: str  # full, part, none, untried, waiting, missing


def histogram(overview: Overview) -> list[Bar]:
    """The distribution of totals, in ten bins from 0 to the maximum; more than the maximum is in the last."""
    counts = [0] * BINS
    top = overview.maximum or 1.0
    for one in overview.graded:
        assert one.total is not None
        counts[min(BINS - 1, max(0, math.floor(BINS * one.total / top)))] += 1
    longest = max(counts, default=0) or 1
    width = top / BINS
    return [
        Bar(place * width, (place + 1) * width, count, count / longest) for place, count in enumerate(counts)
    ]


def strip(overview: Overview) -> list[tuple[Item, list[Tile]]]:
    """A row of tiles for each exercise, with the students from the highest total to the lowest."""
    ranked = sorted(overview.standings, key=lambda one: (one.total is None, -(one.total or 0.0), one.student))
    return [(item, [tile(item, one.entries[item.place]) for one in ranked]) for item in overview.items]


def tile(item: Item, entry: Entry) -> Tile:
    """How one result is drawn."""
    if entry.waiting:
        return Tile(0.0, "waiting")
    if entry.score is None:
        return Tile(0.0, "missing")
    credit = min(1.0, max(0.0, entry.score / item.points)) if item.points else 1.0
    if full(entry.score, item.points):
        return Tile(1.0, "full")
    if credit > 0:
        return Tile(credit, "part")
    return Tile(0.0, "untried" if entry.problem == "unattempted" else "none")


def described(overview: Overview, bars: Sequence[Bar]) -> str:
    """The histogram in words, for whoever does not see it."""
    parts = [f"{bar.count} from {bar.start:.3g} to {bar.end:.3g}" for bar in bars if bar.count]
    return f"{len(overview.graded)} scores out of {overview.maximum:g} points: " + ", ".join(parts) + "."
