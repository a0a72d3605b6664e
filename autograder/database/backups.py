"""Copies of a database file: one a day, one before each migration, and damaged files set aside."""

from __future__ import annotations

import glob
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from autograder.database.snapshot import copy_into

KEPT = 7  # daily copies


def now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


def daily(connection: sqlite3.Connection, path: Path) -> None:
    """Copy the file once a day, before its first change of that day, and keep the newest copies."""
    target = path.with_name(f"{path.stem}-day-{now():%Y-%m-%d}{path.suffix}")
    if target.exists():
        return
    _copy(connection, target)
    for old in _days(path)[:-KEPT]:
        old.unlink(missing_ok=True)


def before_migration(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Copy the file as an older version of the course knows it."""
    _copy(connection, path.with_name(f"{path.stem}-v{version}-{_stamp()}{path.suffix}"))


def set_aside(path: Path) -> Path:
    """Rename a damaged file and its journals, and return its new place."""
    aside = path.with_name(f"{path.stem}-corrupt-{_stamp()}{path.suffix}")
    for companion in ("-journal", "-wal", "-shm"):  # SQLite would apply the old file's to the new one
        log = path.with_name(path.name + companion)
        if log.exists():
            os.replace(log, aside.with_name(aside.name + companion))
    os.replace(path, aside)
    return aside


def restore(path: Path, sound: Callable[[Path], bool]) -> str | None:
    """Put the newest daily copy that is sound in the place of the file; return its day, if there is one."""
    for copy in filter(sound, reversed(_days(path))):
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        shutil.copyfile(copy, fresh)
        os.replace(fresh, path)
        return copy.stem[-10:]
    return None


def _days(path: Path) -> list[Path]:
    pattern = f"{glob.escape(path.stem)}-day-????-??-??{glob.escape(path.suffix)}"
    return sorted(path.parent.glob(pattern))


def _copy(connection: sqlite3.Connection, target: Path) -> None:
    # Under a name of this process first: another one may be making the same copy.
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        with closing(sqlite3.connect(partial)) as copy:
            copy_into(connection, copy)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _stamp() -> str:
    return f"{now():%Y%m%dT%H%M%S%fZ}"
