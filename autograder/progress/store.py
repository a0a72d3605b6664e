"""Events in the progress file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from autograder.database import File
from autograder.progress import schema
from autograder.progress.event import Event
from autograder.progress.notices import say_once

PATIENCE = 0.2  # seconds to wait for another process; a check should not be felt to wait


def read(path: Path) -> list[Event]:
    """All events of the file, oldest first; none if there is no file."""
    return _file(path).read(_events)


def write(path: Path, events: Sequence[Event], patience: float = PATIENCE) -> None:
    """Append events to the file in one transaction; it is made, or brought up to date, first."""

    def append(connection: sqlite3.Connection) -> None:
        for event in events:
            schema.insert(connection, event)

    _file(path).write(append, patience)


def _file(path: Path) -> File:
    return File(path, schema.LAYOUT, "Your progress file", _events, say_once, PATIENCE)


def _events(connection: sqlite3.Connection) -> list[Event]:
    rows = connection.execute(schema.READ)
    return [Event(datetime.fromisoformat(at).astimezone(UTC), *rest) for at, *rest in rows]
