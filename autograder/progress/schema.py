"""The tables of progress.sqlite."""

from __future__ import annotations

import sqlite3

from autograder.database import Layout
from autograder.progress.event import Event, as_text

LAYOUT = Layout(
    application_id=0x436C4938,  # "ClI8"
    migrations=(
        (
            "CREATE TABLE attempts(exercise TEXT NOT NULL, at_utc TEXT NOT NULL, "
            "credit REAL NOT NULL CHECK (credit BETWEEN 0 AND 1), misconception TEXT, ms INTEGER NOT NULL)",
            "CREATE TABLE hints(exercise TEXT NOT NULL, level INTEGER NOT NULL, at_utc TEXT NOT NULL)",
        ),
        ("CREATE TABLE solutions_seen(exercise TEXT NOT NULL, at_utc TEXT NOT NULL)",),
    ),
    tables=frozenset({"attempts", "hints", "solutions_seen"}),
)

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


def insert(connection: sqlite3.Connection, event: Event) -> None:
    """Write one event to its table."""
    connection.execute(_INSERT[event.kind], vars(event) | {"at_utc": as_text(event.at_utc)})
