"""The time, and the day of study that it belongs to."""

from __future__ import annotations

from datetime import date, datetime, timedelta

NIGHT = timedelta(hours=4)  # who drills after midnight has not begun the next day


def now() -> datetime:
    """The time here, aware."""
    return datetime.now().astimezone()


def day(at: datetime | date) -> date:
    """The day of study: it ends at four in the morning, where the learner was at that time.

    A date is a day of study already.
    """
    return (at - NIGHT).date() if isinstance(at, datetime) else at


def stopwatch(seconds: float) -> str:
    """What a stop-watch shows: ``2:05``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
