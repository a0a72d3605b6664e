"""Reading and writing the progress file, whatever state it is in.

Each call opens the file, does one short transaction and closes it, so that nothing stays locked and
a forked process inherits no connection. The journal is SQLite's default one: a write-ahead log would
need shared memory, which home folders on a network do not have.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from autograder.progress import backups, schema
from autograder.progress.event import Event
from autograder.progress.notices import say_once

PATIENCE = 0.2  # seconds to wait for another process; a check should not be felt to wait
Result = TypeVar("Result")

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def read(path: Path) -> list[Event]:
    """All events of the file, oldest first; none if there is no file."""
    return _repairing(path, lambda: _read(path) if path.exists() else [])


def write(path: Path, events: Sequence[Event], patience: float = PATIENCE) -> None:
    """Append events to the file in one transaction; it is made, or brought up to date, first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _repairing(path, lambda: _write(path, events, patience))


def is_busy(error: BaseException) -> bool:
    """Whether another process holds the file."""
    return _code(error) in _BUSY


def _read(path: Path) -> list[Event]:
    # "rw" opens a write-protected file for reading, and can still undo a transaction that was cut off.
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=PATIENCE)) as connection:
        if schema.version(connection) == schema.VERSION:
            return _events(connection)
        # Only writing migrates the file itself; reading looks at a migrated copy.
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
            backups.copy_into(connection, copy)
            schema.migrate(copy)
            return _events(copy)


def _events(connection: sqlite3.Connection) -> list[Event]:
    rows = connection.execute(schema.READ)
    return [Event(datetime.fromisoformat(at).astimezone(UTC), *rest) for at, *rest in rows]


def _write(path: Path, events: Sequence[Event], patience: float) -> None:
    with closing(sqlite3.connect(path, timeout=patience, isolation_level=None)) as connection:
        found = schema.version(connection)
        if found:
            backups.daily(connection, path)
        if found < schema.VERSION:
            if found:
                backups.before_migration(connection, path, found)
            schema.migrate(connection)
        connection.execute("BEGIN IMMEDIATE")
        for event in events:
            schema.insert(connection, event)
        connection.execute("COMMIT")  # closing without it undoes the transaction


def _repairing(path: Path, work: Callable[[], Result]) -> Result:
    """Do the work; if the file turns out damaged, set it aside and do the work on a good one."""
    try:
        return work()
    except (sqlite3.Error, schema.TablesMissing) as error:
        if not _is_damage(error):
            raise
        if path.exists() and not _is_sound(path):  # else another process has just repaired it
            say_once("damaged", backups.set_aside(path, _is_sound))
        return work()


def _is_sound(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=PATIENCE)) as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        _read(path)
    except (schema.UnknownSchema, ValueError):
        return False
    except (sqlite3.Error, schema.TablesMissing) as error:
        if not _is_damage(error):
            raise  # merely locked, perhaps by the process that has just repaired it
        return False
    return verdict == "ok"


def _is_damage(error: BaseException) -> bool:
    return isinstance(error, schema.TablesMissing) or _code(error) in _DAMAGED


def _code(error: BaseException) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF  # the low byte is the primary code
