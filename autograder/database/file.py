"""Reading and writing a file, whatever state it is in.

Each call opens the file, does one short transaction and closes it, so that nothing stays locked and
a forked process inherits no connection. The journal is SQLite's default one: a write-ahead log would
need shared memory, which home folders on a network do not have.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from autograder.database import backups
from autograder.database.faults import Damaged, UnknownSchema, is_damage
from autograder.database.layout import Layout
from autograder.database.snapshot import copy_into, snapshot

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]


@dataclass(frozen=True)
class File:
    """A database file, which need not exist yet.

    Parameters
    ----------
    path : Path
    layout : Layout
    called : str
        How a sentence about it begins: ``Your progress file``.
    everything : callable
        Reads all that the file holds, and raises ValueError if something in it cannot be understood.
    say : callable
        Is told a subject and a sentence when a damaged file was set aside.
    patience : float
        Seconds to wait for another process.
    """

    path: Path
    layout: Layout
    called: str
    everything: Work[object]
    say: Callable[[str, str], None]
    patience: float

    def read(self, work: Work[Result]) -> Result:
        """Do some reading, of one state of the file; a missing or an older one reads as a current one.

        Raises
        ------
        UnknownSchema
            If the file is another program's or a newer version's.
        sqlite3.Error, OSError
            If it cannot be read.
        """
        return self._repairing(lambda: self._read(work))

    def write(self, work: Work[Result], patience: float | None = None) -> Result:
        """Do some writing in one transaction; the file is made, or brought up to date, first.

        Raises
        ------
        UnknownSchema
            If the file is another program's or a newer version's.
        sqlite3.Error, OSError
            If it cannot be written: then nothing of it is.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        wait = self.patience if patience is None else patience
        return self._repairing(lambda: self._write(work, wait))

    def _open(self, path: Path) -> sqlite3.Connection:
        # "rw" opens a write-protected file for reading, and can still undo a transaction that was cut off.
        return sqlite3.connect(
            f"{path.as_uri()}?mode=rw", uri=True, timeout=self.patience, isolation_level=None
        )

    def _read(self, work: Work[Result], path: Path | None = None) -> Result:
        path = path or self.path
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
            if path.exists():
                with closing(self._open(path)) as connection:
                    if self.layout.version_of(connection) == self.layout.version:
                        with snapshot(connection):
                            return work(connection)
                    copy_into(connection, copy)
            # Only writing makes or migrates the file itself; reading looks at a migrated copy.
            self.layout.migrate(copy)
            return work(copy)

    def _write(self, work: Work[Result], patience: float) -> Result:
        with closing(sqlite3.connect(self.path, timeout=patience, isolation_level=None)) as connection:
            found = self.layout.version_of(connection)
            if found:
                backups.daily(connection, self.path)
            if found < self.layout.version:
                if found:
                    backups.before_migration(connection, self.path, found)
                self.layout.migrate(connection)
            connection.execute("BEGIN IMMEDIATE")
            result = work(connection)
            connection.execute("COMMIT")  # closing without it undoes the transaction
            return result

    def _repairing(self, work: Callable[[], Result]) -> Result:
        """Do the work; if the file turns out damaged, set it aside and do the work on a good one."""
        try:
            return work()
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            if self.path.exists() and not self._is_sound(self.path):  # else another has just repaired it
                aside = backups.set_aside(self.path)
                day = backups.restore(self.path, self._is_sound)
                instead = f"the copy made on {day} takes its place" if day else "a new one is begun"
                self.say("damaged", f"{self.called} was damaged: it is kept as {aside.name}, and {instead}.")
            return work()

    def _is_sound(self, path: Path) -> bool:
        try:
            with closing(self._open(path)) as connection:
                (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise Damaged(verdict)
            self._read(self.everything, path)
        except (UnknownSchema, ValueError):
            return False
        except sqlite3.Error as error:
            if not is_damage(error):
                raise  # merely locked, perhaps by the process that has just repaired it
            return False
        return True
