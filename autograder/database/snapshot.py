"""One state of a database, however many processes write to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


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


def copy_into(connection: sqlite3.Connection, into: sqlite3.Connection) -> None:
    """Copy a whole database as it is at this moment."""
    # Python's `backup` waits for a locked source for ever; within a snapshot nobody can lock it.
    with snapshot(connection):
        connection.backup(into)
