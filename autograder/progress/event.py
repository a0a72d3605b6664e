"""What can happen while somebody studies: an attempt, a hint taken, a solution looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

Kind = Literal["attempt", "hint", "solution"]


@dataclass(frozen=True)
class Event:
    """One thing that a learner did.

    Parameters
    ----------
    at_utc : datetime
        When, aware, in UTC.
    exercise : str
        The exercise's id.
    kind : {"attempt", "hint", "solution"}
    credit : float, optional
        Of an attempt: the fraction of the points, 0 to 1.
    misconception : str, optional
        Of an attempt: the mistake that was recognised; two are joined by ``+``.
    ms : int, optional
        Of an attempt: how long its check took, in milliseconds.
    level : int, optional
        Of a hint: 1 is the gentlest.
    """

    at_utc: datetime
    exercise: str
    kind: Kind
    credit: float | None = None
    misconception: str | None = None
    ms: int | None = None
    level: int | None = None

    @property
    def passed(self) -> bool:
        """Whether this is an attempt with full credit."""
        return self.kind == "attempt" and self.credit == 1.0


def now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


def as_text(at: datetime) -> str:
    """A time as the file holds it: in UTC and of one width, so that text sorts like time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
