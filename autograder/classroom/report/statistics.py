"""How hard an exercise was, and whether those who solve it are those who do well."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from autograder.classroom.report.overview import Entry, Item, Overview

#: With fewer students, a correlation says more about chance than about the exercise.
FEWEST = 10


@dataclass(frozen=True)
class ItemStatistics:
    """One item in numbers; None where there is nobody to count.

    Parameters
    ----------
    count : int
        How many have a score.
    passed, untouched, waiting : int
        How many have full marks; handed it in as it was; wait for a person.
    mean_credit : float or None
        The mean of score / points.
    discrimination : float or None
        See `discrimination`; None means too few.
    """

    item: Item
    count: int
    passed: int
    untouched: int
    waiting: int
    mean_credit: float | None
    discrimination: float | None

    @property
    def pass_rate(self) -> float | None:
        """The share of those with a score who have full marks."""
        return self.passed / self.count if self.count else None


def item_statistics(overview: Overview) -> list[ItemStatistics]:
    """The statistics of every item, in the order of the assignment."""
    complete = [one for one in overview.graded if one.complete]
    made = []
    for item in overview.items:
        entries = [entry for _, entry in overview.entries(item)]
        scores = [entry.score for entry in entries if entry.score is not None]
        passed = [full(score, item.points) for score in scores]
        pairs = [
            (full(own, item.points), _total(one.entries.values()) - own)
            for one in complete
            if (own := one.entries[item.place].score) is not None
        ]
        made.append(
            ItemStatistics(
                item,
                len(scores),
                sum(passed),
                sum(entry.problem == "unattempted" for entry in entries),
                sum(entry.waiting for entry in entries),
                fmean(score / item.points for score in scores) if scores and item.points else None,
                discrimination([p for p, _ in pairs], [rest for _, rest in pairs]),
            )
        )
    return made


def discrimination(passed: Sequence[bool], rest: Sequence[float]) -> float | None:
    """The item-rest point-biserial correlation: r = (M₁ − M₀) / s · √(p (1 − p)).

    M₁ and M₀ are the mean scores on all *other* items of those who have full marks here and of those who
    have not, s is the standard deviation (over N) of these scores, p the share with full marks. Near 0, the
    exercise says nothing about the rest; below 0, look for a fault in it.

    Parameters
    ----------
    passed : sequence of bool
    rest : sequence of float
        One for each student.

    Returns
    -------
    float or None
        None below 10 students, and where all passed, none passed, or all other scores are equal.
    """
    count, hits = len(passed), sum(passed)
    if count < FEWEST or not 0 < hits < count:
        return None
    mean = fmean(rest)
    deviation = math.sqrt(fmean((one - mean) ** 2 for one in rest))
    if deviation < 1e-12:
        return None
    share = hits / count
    with_it = fmean(one for one, hit in zip(rest, passed, strict=True) if hit)
    without = fmean(one for one, hit in zip(rest, passed, strict=True) if not hit)
    return (with_it - without) / deviation * math.sqrt(share * (1 - share))


def summary(overview: Overview) -> dict[str, float]:
    """Mean, median, least and most of the totals of those who have one; empty if nobody has."""
    totals = [one.total for one in overview.graded if one.total is not None]
    if not totals:
        return {}
    return {"mean": fmean(totals), "median": median(totals), "least": min(totals), "most": max(totals)}


def full(score: float, points: float) -> bool:
    """Whether a score is full marks."""
    return score >= points - 1e-9


def _total(entries: Iterable[Entry]) -> float:
    return sum(entry.score or 0.0 for entry in entries)
