"""Reading and writing the drills file, and going on without it.

Nothing here raises because of the file, whatever state it is in: the session goes on, and its face is told
a sentence. What cannot be saved is kept in memory, counts as long as the process lives, and is saved as soon
as the file lets it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from autograder.database import File, UnknownSchema, is_busy, reason
from autograder.database.snapshot import copy_into
from drills.records import tables

PATIENCE = 1.0  # seconds to wait for another process
LAST_PATIENCE = 3.0  # when there is no later chance
Result = TypeVar("Result")
#: Writes something; done twice, it is as if it was done once.
Change = Callable[[sqlite3.Connection], None]


class Keeper:
    """Keeps changes: in the file if that is possible, else in memory until it is.

    Parameters
    ----------
    path : Path or None
        None keeps nothing beyond this process.
    say : callable
        Is told sentences about the file, each once.
    """

    def __init__(self, path: Path | None, say: Callable[[str], None]) -> None:
        self.path = path
        self._say = say
        self._said: set[str] = set()
        self._lock = threading.RLock()
        self.unsaved: list[Change] = []
        self._saved: list[Change] = []
        self._file = (
            File(path, tables.LAYOUT, "Your drills file", tables.everything, self._told, PATIENCE)
            if path
            else None
        )
        self.end = weakref.finalize(self, _last_chance, os.getpid(), self._file, self.unsaved)

    def do(self, change: Change) -> None:
        """Make a change, now or as soon as it is possible."""
        with self._lock:
            self.unsaved.append(change)
            self._save(PATIENCE)

    def save_the_rest(self) -> None:
        """Save what could not be saved before; at the end there is time to wait."""
        with self._lock:
            if self.unsaved:
                self._save(LAST_PATIENCE)

    def _save(self, patience: float) -> None:
        if self._file is None:
            return
        try:
            self._file.write(self._apply, patience)
        except (UnknownSchema, sqlite3.Error, OSError) as error:
            self._explain(error, "saved", "the session goes on, and only this process remembers it")
        else:
            self._saved += self.unsaved
            self.unsaved.clear()

    def _apply(self, connection: sqlite3.Connection) -> None:
        _make(self.unsaved, connection)

    def ask(self, question: Callable[[sqlite3.Connection], Result]) -> Result:
        """Read something, with what is not saved yet."""
        with self._lock, closing(sqlite3.connect(":memory:", isolation_level=None)) as memory:
            if self._file:
                try:
                    if not self.unsaved:
                        return self._file.read(question)
                    self._file.read(lambda connection: copy_into(connection, memory))
                    self._apply(memory)
                    return question(memory)
                except (UnknownSchema, sqlite3.Error, OSError, ValueError, TypeError) as error:
                    self._explain(error, "read", "the session begins without it")
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as memory:
            tables.LAYOUT.migrate(memory)
            _make([*self._saved, *self.unsaved], memory)  # what this process knows by itself
            return question(memory)

    def _told(self, subject: str, sentence: str) -> None:
        # What this process wrote into the damaged file is written again, into the one in its place.
        self.unsaved[:0] = self._saved
        self._saved.clear()
        self._say(sentence)

    def _explain(self, error: Exception, doing: str, then: str) -> None:
        if isinstance(error, UnknownSchema):
            self._say_once("schema", f"{self.path} {error}: it is left as it is, and nothing is recorded.")
        elif is_busy(error):
            who = "Another program is using your drills file"
            self._say_once("busy", f"{who} {self.path}: your answers are kept until it is free.")
        else:
            self._say_once(
                doing, f"Your drills file cannot be {doing} ({self.path}: {reason(error)}): {then}."
            )

    def _say_once(self, subject: str, sentence: str) -> None:
        if subject not in self._said:
            self._said.add(subject)
            # A path can hold bytes that are no characters, which print would raise on.
            self._say(sentence.encode("utf-8", "replace").decode("utf-8"))


def _last_chance(process: int, file: File | None, unsaved: list[Change]) -> None:
    """Save what another process kept this one from saving, as this one ends."""
    if not (unsaved and file and os.getpid() == process):  # a forked process leaves it to its parent
        return
    changes = list(unsaved)
    try:
        file.write(lambda connection: _make(changes, connection), LAST_PATIENCE)
    except (UnknownSchema, sqlite3.Error, OSError):
        return  # said when it was recorded
    unsaved.clear()


def _make(changes: Iterable[Change], connection: sqlite3.Connection) -> None:
    for change in changes:
        change(connection)
