"""The file behind the ledger: its tables, and what is done with an older or a damaged one."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from autograder.classroom.errors import GradingError

APPLICATION_ID = 0x436C4947  # "ClIG" in the file's header
PATIENCE = 30  # seconds
# Each step leads from one version to the next and is never edited once released: append a new one.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE submission(assignment TEXT NOT NULL, student TEXT NOT NULL, digest TEXT NOT NULL, "
        "versions TEXT NOT NULL, limits TEXT NOT NULL, outcome TEXT NOT NULL, refused TEXT, "
        "state TEXT NOT NULL CHECK (state IN ('graded', 'merged')), at_utc TEXT NOT NULL, "
        "PRIMARY KEY (assignment, student))",
        "CREATE TABLE file(assignment TEXT NOT NULL, student TEXT NOT NULL, path TEXT NOT NULL, "
        "content BLOB NOT NULL, PRIMARY KEY (assignment, student, path))",
        "CREATE TABLE history(assignment TEXT NOT NULL, student TEXT NOT NULL, at_utc TEXT NOT NULL, "
        "digest TEXT NOT NULL, versions TEXT NOT NULL, status TEXT NOT NULL, score REAL NOT NULL, "
        "scores TEXT NOT NULL)",
        "CREATE INDEX history_of ON history(assignment, student)",
    ),
)
VERSION = len(MIGRATIONS)
TABLES = {"submission", "file", "history"}

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken, rather than locked or write-protected."""
    return (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF in _DAMAGED


def connect(path: Path, *, writable: bool) -> sqlite3.Connection:
    """Open the file, bring it up to date, and see that it is sound.

    Parameters
    ----------
    writable : bool
        Without it nothing is written or made; a file that is not there reads as an empty one.

    Raises
    ------
    GradingError
        If it is another program's or a newer version's file.
    sqlite3.Error
        If it is damaged or cannot be opened.
    """
    if not writable and not path.exists():
        connection = sqlite3.connect(":memory:", isolation_level=None)
        _migrate(connection, path)
        return connection
    if writable:
        path.parent.mkdir(parents=True, exist_ok=True)
    mode = "rwc" if writable else "ro"
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=PATIENCE, isolation_level=None
    )
    try:
        _known(connection, path)
        if writable:
            os.chmod(path, 0o600)  # it holds scores
            connection.execute("PRAGMA journal_mode=WAL")  # a report reads meanwhile
            # What a power cut takes is graded or entered again; a killed process loses nothing.
            connection.execute("PRAGMA synchronous=NORMAL")
            _migrate(connection, path)
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise _damage(verdict)
    except BaseException:
        connection.close()
        raise
    return connection


def _known(connection: sqlite3.Connection, path: Path) -> int:
    """The file's schema version; 0 for a new file."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if owner != APPLICATION_ID and (found or owner or tables):
        raise GradingError(f"{path} is another program's database: move it away.")
    if found > VERSION:
        raise GradingError(
            f"The ledger {path} was written by a newer course (schema {found}, here {VERSION}): "
            "update the course."
        )
    if found == VERSION and not tables >= TABLES:
        raise _damage("tables are missing")
    return found


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in MIGRATIONS[_known(connection, path) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def set_aside(path: Path) -> str:
    """Rename a damaged file and its log, and say so."""
    aside = path.with_name(f"{path.stem}-corrupt-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}{path.suffix}")
    for companion in ("-wal", "-shm"):  # a new file must not find the old one's log
        log = path.with_name(path.name + companion)
        if log.exists():
            os.replace(log, aside.with_name(aside.name + companion))
    os.replace(path, aside)
    return (
        f"The ledger was damaged: it is kept as {aside.name}, and a new one is begun. The gradebook keeps "
        "what it has; submissions are graded again."
    )


def _damage(what: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
