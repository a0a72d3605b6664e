"""From the points of an answer to its rating: the same rule for every kind of card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drills.steps import Rating

HARD, GOOD = 0.5, 0.75  # the credit from which an answer is rated so
SURE = 0.7  # the confidence from which a perfect answer may be an easy one
MET = 0.5  # how much of a point has to be there for it not to be missed


@dataclass(frozen=True)
class Scored:
    """One point of a rubric and how much of it an answer had, from 0 to 1."""

    says: str
    got: float
    weight: float = 1.0
    must: bool = False

    @property
    def missed(self) -> bool:
        """Whether the answer lacked it."""
        return self.got < MET


@dataclass(frozen=True)
class Grade:
    """The credit of an answer, from 0 to 1, the rating that it earns, and why."""

    credit: float
    rating: Rating
    reason: str
    missed: tuple[str, ...]


def grade(points: Sequence[Scored], confidence: float | None, seconds: float, minutes: float) -> Grade:
    """Grade an answer by its points.

    A missed must means Again, whatever else was said. Easy is only what was complete, expected to be right,
    and done within the card's minutes.

    Parameters
    ----------
    points : sequence of Scored
        At least one.
    confidence : float or None
        How sure the learner was beforehand.
    seconds : float
        How long the answer took.
    minutes : float
        How long the card allows.
    """
    total = sum(point.weight for point in points)
    credit = min(1.0, sum(point.weight * point.got for point in points) / total)
    missed = tuple(point.says for point in points if point.missed)
    musts = [point.says for point in points if point.must and point.missed]
    percent = f"{100 * credit:.0f} % of the points"
    if musts:
        must = f"this must not be missing: {musts[0]}"
        rating, reason = Rating.AGAIN, must if len(points) > 1 else "that was not it"
    elif credit < HARD:
        rating, reason = Rating.AGAIN, percent
    elif credit < GOOD:
        rating, reason = Rating.HARD, percent
    elif all(point.got >= 1 for point in points) and (confidence or 0) >= SURE and seconds <= 60 * minutes:
        rating, reason = Rating.EASY, "complete, in time, and you were sure"
    else:
        rating, reason = Rating.GOOD, percent
    return Grade(credit, rating, reason, missed)
