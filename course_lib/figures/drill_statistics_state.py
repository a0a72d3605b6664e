"""What the figure of a learner's drills depends on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt

from course_lib.validate import check_int


@dataclass(frozen=True)
class Sureness:
    """Answers about which somebody was equally sure: how sure (0 to 1), how many, how many were right."""

    said: float
    answers: int
    right: int

    @property
    def share(self) -> float:
        """Of the answers, those that were right."""
        return self.right / self.answers

    @property
    def error(self) -> float:
        """The standard error of `share`; one right and one wrong answer more keep it from being 0."""
        share = (self.right + 1) / (self.answers + 2)
        return sqrt(share * (1 - share) / (self.answers + 2))


@dataclass(frozen=True)
class DrillStatisticsState:
    """What is expected of the next days, and how well somebody knows what he knows.

    Parameters
    ----------
    first : date
        The first of the days.
    due : sequence of float
        Cards that are expected to be due, by day.
    forgotten : sequence of float
        How many of them are expected not to be known.
    sureness : sequence of Sureness
    interview : date, optional
        Marked if it is one of the days, or the one after them.

    Raises
    ------
    ValueError
        If there is no day, or the numbers do not fit.
    """

    first: date
    due: Sequence[float]
    forgotten: Sequence[float]
    sureness: Sequence[Sureness] = ()
    interview: date | None = None

    def __post_init__(self) -> None:
        if not self.due or len(self.due) != len(self.forgotten):
            raise ValueError(
                f"due and forgotten must have a number for each day, got {len(self.due)} and "
                f"{len(self.forgotten)}."
            )
        for due, forgotten in zip(self.due, self.forgotten, strict=True):
            if not 0 <= forgotten <= due:
                raise ValueError(f"forgotten must lie between 0 and due = {due}, got {forgotten}.")
        for one in self.sureness:
            check_int("answers", one.answers, 1)
            if not (0 <= one.said <= 1 and 0 <= one.right <= one.answers):
                raise ValueError(f"shares must lie between 0 and 1, got {one}.")

    @property
    def days_to_interview(self) -> int | None:
        """Its place among the days, from 0; None if it is not there."""
        place = (self.interview - self.first).days if self.interview else -1
        return place if 0 <= place <= len(self.due) else None
