"""Recording what a learner does, and reading it back.

Nothing here raises and nothing writes to stderr: a check goes on whatever state the file is in. What
cannot be saved is kept in memory, counts as long as the process lives, and is saved as soon as the
file lets it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from autograder.database import UnknownSchema, graded, is_busy, reason
from autograder.progress import store
from autograder.progress.event import Event, now
from autograder.progress.location import location
from autograder.progress.notices import say_once

LAST_PATIENCE = 2.0  # seconds to wait for another process when this one ends

_unsaved: dict[Path | None, list[Event]] = {}  # by file, so that a changed COURSE_PROGRESS mixes nothing
_lock = threading.RLock()


@dataclass(frozen=True)
class ExerciseSummary:
    """What happened with one exercise so far.

    Parameters
    ----------
    attempts : int
    best_credit : float
        0 to 1; 0 if there was no attempt.
    hints : tuple of int
        The levels seen, sorted.
    solution_seen : bool
    misconception : str or None
        The mistake recognised last, even if the exercise was solved afterwards.
    met_at : datetime or None
        When that was, in UTC.
    """

    attempts: int
    best_credit: float
    hints: tuple[int, ...]
    solution_seen: bool
    misconception: str | None
    met_at: datetime | None


def record_attempt(exercise: str, credit: float, misconception: str | None, ms: float) -> None:
    """Note an attempt: its fraction of the points, the mistake recognised, the milliseconds it took."""
    with _never_in_the_way():
        if not 0 <= credit <= 1:
            raise ValueError(f"credit should be between 0 and 1; got {credit!r}")
        _record(Event(now(), exercise, "attempt", float(credit), misconception, round(ms)))


def record_hint(exercise: str, level: int) -> None:
    """Note that a hint was read; 1 is the gentlest."""
    with _never_in_the_way():
        _record(Event(now(), exercise, "hint", level=level))


def record_solution(exercise: str) -> None:
    """Note that the worked answer was looked at."""
    with _never_in_the_way():
        _record(Event(now(), exercise, "solution"))


def events(since: datetime | None = None) -> list[Event]:
    """What happened, oldest first.

    Parameters
    ----------
    since : datetime, optional
        Aware. Only what happened at that time or later.
    """
    found: list[Event] = []
    with _never_in_the_way(), _lock:
        path = location()
        found += _unsaved.get(path, ())
        found += store.read(path) if path else ()
    found.sort(key=lambda event: event.at_utc)
    return [event for event in found if since is None or event.at_utc >= since]


def summary() -> dict[str, ExerciseSummary]:
    """What happened so far, by exercise."""
    by_exercise: dict[str, list[Event]] = {}
    for event in events():
        by_exercise.setdefault(event.exercise, []).append(event)
    return {exercise: _summarised(happened) for exercise, happened in by_exercise.items()}


def best_credit() -> dict[str, float]:
    """The best fraction of the points so far, by exercise attempted."""
    return {exercise: found.best_credit for exercise, found in summary().items() if found.attempts}


def hints_taken(exercise: str) -> tuple[int, ...]:
    """The levels of the hints seen, sorted."""
    found = summary().get(exercise)
    return found.hints if found else ()


def _summarised(happened: list[Event]) -> ExerciseSummary:
    credits_ = [event.credit for event in happened if event.credit is not None]
    met = next((event for event in reversed(happened) if event.misconception), None)
    return ExerciseSummary(
        attempts=len(credits_),
        best_credit=max(credits_, default=0.0),
        hints=tuple(sorted({event.level for event in happened if event.level is not None})),
        solution_seen=any(event.kind == "solution" for event in happened),
        misconception=met.misconception if met else None,
        met_at=met.at_utc if met else None,
    )


def _record(event: Event) -> None:
    if graded():
        return
    with _lock:
        path = location()
        _unsaved.setdefault(path, []).append(event)
        if path:
            _save(path, store.PATIENCE)


def _save(path: Path, patience: float) -> None:
    store.write(path, _unsaved[path], patience)
    del _unsaved[path]


@contextlib.contextmanager
def _never_in_the_way() -> Iterator[None]:
    try:
        yield
    except UnknownSchema as why:
        say_once("schema", f"{location()} {why}: it is left as it is, and nothing is recorded.")
    except Exception as error:  # the boundary: whatever is wrong with the file, the check goes on
        if is_busy(error):
            who = "Another program is using your progress file"
            say_once("busy", f"{who} {location()}: your results are kept until it is free.")
        else:
            where = f"{location()}: " if isinstance(error, sqlite3.Error | OSError) else ""
            what = f"{where}{reason(error)}"
            say_once("failed", f"Your progress cannot be used ({what}); checks work without it.")


@atexit.register
def _save_the_rest() -> None:
    """Save what another process kept this one from saving; at the end there is time to wait."""
    for path in [path for path in _unsaved if path]:
        with contextlib.suppress(sqlite3.Error, OSError, UnknownSchema):  # said before, when it was recorded
            _save(path, LAST_PATIENCE)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unsaved.clear)  # the parent saves its own
