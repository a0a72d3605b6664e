"""The file behind the ledger: its tables, and what is done with an older or a damaged one."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from autograder import database
from autograder.classroom.errors import GradingError
from autograder.database import Layout

PATIENCE = 30  # seconds
LAYOUT = Layout(
    application_id=0x436C4947,  # "ClIG"
    migrations=(
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
    ),
    tables=frozenset({"submission", "file", "history"}),
)


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
        LAYOUT.migrate(connection)
        return connection
    if writable:
        path.parent.mkdir(parents=True, exist_ok=True)
    mode = "rwc" if writable else "ro"
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=PATIENCE, isolation_level=None
    )
    try:
        LAYOUT.version_of(connection)
        if writable:
            os.chmod(path, 0o600)  # it holds scores
            connection.execute("PRAGMA journal_mode=WAL")  # a report reads meanwhile
            # What a power cut takes is graded or entered again; a killed process loses nothing.
            connection.execute("PRAGMA synchronous=NORMAL")
            LAYOUT.migrate(connection)
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise database.Damaged(verdict)
    except BaseException as error:
        connection.close()
        if isinstance(error, database.Foreign):
            raise GradingError(f"{path} is another program's database: move it away.") from None
        if isinstance(error, database.Newer):
            raise GradingError(
                f"The ledger {path} was written by a newer course (schema {error.found}, here {error.here}): "
                "update the course."
            ) from None
        raise
    return connection


def set_aside(path: Path) -> str:
    """Rename a damaged file and its log, and say so."""
    aside = database.set_aside(path)
    return (
        f"The ledger was damaged: it is kept as {aside.name}, and a new one is begun. The gradebook keeps "
        "what it has; submissions are graded again."
    )
