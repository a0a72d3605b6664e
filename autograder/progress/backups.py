"""Copies of the progress file: one a day, one before each migration, and damaged files set aside."""

from __future__ import annotations

import glob
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from autograder.progress.event import now
from autograder.progress.schema import snapshot

KEPT = 7  # daily copies


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


def set_aside(path: Path, sound: Callable[[Path], bool]) -> str:
    """Rename a damaged file, put the newest sound daily copy in its place, and say so.

    Parameters
    ----------
    path : Path
        The damaged file.
    sound : callable
        Whether a file can be used.
    """
    aside = path.with_name(f"{path.stem}-corrupt-{_stamp()}{path.suffix}")
    os.replace(path, aside)
    said = f"Your progress file was damaged: it is kept as {aside.name}, "
    for copy in filter(sound, reversed(_days(path))):
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        shutil.copyfile(copy, fresh)
        os.replace(fresh, path)
        return f"{said}and the copy made on {copy.stem[-10:]} takes its place."
    return f"{said}and a new one is begun."


def copy_into(connection: sqlite3.Connection, into: sqlite3.Connection) -> None:
    """Copy a whole database as it is at this moment."""
    # Python's `backup` waits for a locked source for ever; within a snapshot nobody can lock it.
    with snapshot(connection):
        connection.backup(into)


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
