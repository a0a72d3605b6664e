"""What can be wrong with a database file, and how to tell."""

from __future__ import annotations

import sqlite3

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class UnknownSchema(Exception):
    """The file is not ours to read or write; the message says why, without naming the file."""


class Foreign(UnknownSchema):
    """Another program made the file."""

    def __init__(self) -> None:
        super().__init__("is another program's database")


class Newer(UnknownSchema):
    """A newer version of the course made the file.

    Parameters
    ----------
    found : int
        The file's schema version.
    here : int
        The newest that this version knows.
    """

    def __init__(self, found: int, here: int) -> None:
        super().__init__(f"was written by a newer version of the course (schema {found}, here {here})")
        self.found, self.here = found, here


class Damaged(sqlite3.DatabaseError):
    """The file is damaged in a way that SQLite by itself does not mind: say, its tables are gone."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def is_busy(error: BaseException) -> bool:
    """Whether another process holds the file."""
    return _code(error) in _BUSY


def is_damage(error: BaseException) -> bool:
    """Whether the file itself is broken, rather than locked or write-protected."""
    return _code(error) in _DAMAGED


def reason(error: BaseException) -> str:
    """What went wrong, in a few words."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _code(error: BaseException) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF  # the low byte is the primary code
