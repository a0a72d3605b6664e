"""The tables of progress.sqlite, and how an older file becomes a current one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from autograder.progress.event import Event, as_text

APPLICATION_ID = 0x436C4938  # "ClI8" in the file's header tells our files from anybody else's

# Each step leads from one version to the next and is never edited once released: append a new one.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE attempts(exercise TEXT NOT NULL, at_utc TEXT NOT NULL, "
        "credit REAL NOT NULL CHECK (credit BETWEEN 0 AND 1), misconception TEXT, ms INTEGER NOT NULL)",
        "CREATE TABLE hints(exercise TEXT NOT NULL, level INTEGER NOT NULL, at_utc TEXT NOT NULL)",
    ),
    ("CREATE TABLE solutions_seen(exercise TEXT NOT NULL, at_utc TEXT NOT NULL)",),
)
VERSION = len(MIGRATIONS)

READ = """
SELECT at_utc, exercise, 'attempt' AS kind, credit, misconception, ms, NULL AS level FROM attempts
UNION ALL SELECT at_utc, exercise, 'hint', NULL, NULL, NULL, level FROM hints
UNION ALL SELECT at_utc, exercise, 'solution', NULL, NULL, NULL, NULL FROM solutions_seen
ORDER BY at_utc
"""
_INSERT = {
    "attempt": "INSERT INTO attempts(exercise, at_utc, credit, misconception, ms) "
    "VALUES (:exercise, :at_utc, :credit, :misconception, :ms)",
    "hint": "INSERT INTO hints(exercise, level, at_utc) VALUES (:exercise, :level, :at_utc)",
    "solution": "INSERT INTO solutions_seen(exercise, at_utc) VALUES (:exercise, :at_utc)",
}


class UnknownSchema(Exception):
    """The file is not ours to read or write; the message says why."""


class TablesMissing(Exception):
    """The file's header is that of a progress file, but it lost its tables."""


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Let everything read inside see one state of the file, which nobody can change or lock meanwhile."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # takes the shared lock
        yield
    finally:
        connection.execute("ROLLBACK")


def version(connection: sqlite3.Connection) -> int:
    """The file's schema version; 0 for a new file.

    Raises
    ------
    UnknownSchema
        If a newer course wrote the file, or something else did.
    TablesMissing
        If the file is damaged in a way that SQLite does not mind.
    """
    with snapshot(connection):  # else another process could make the tables between two of these
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if owner != APPLICATION_ID and (found or owner or tables):
        raise UnknownSchema("is another program's database")
    if found > VERSION:
        raise UnknownSchema(f"was written by a newer version of the course (schema {found}, here {VERSION})")
    if found == VERSION and not tables >= {"attempts", "hints", "solutions_seen"}:
        raise TablesMissing
    return found


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to date in one transaction; a failure changes nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in MIGRATIONS[version(connection) :]:  # asked again: another process may have been faster
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def insert(connection: sqlite3.Connection, event: Event) -> None:
    """Write one event to its table."""
    connection.execute(_INSERT[event.kind], vars(event) | {"at_utc": as_text(event.at_utc)})
