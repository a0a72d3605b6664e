"""Which tables a file has, and how an older file becomes a current one."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from autograder.database.faults import Damaged, Foreign, Newer
from autograder.database.snapshot import snapshot


@dataclass(frozen=True)
class Layout:
    """The tables of one kind of file, and their history.

    Parameters
    ----------
    application_id : int
        Stands in the file's header and tells our files from anybody else's.
    migrations : tuple of tuple of str
        Statements. Each step leads from one version to the next and is never edited once released:
        append a new one.
    tables : frozenset of str
        Those of the current version.
    """

    application_id: int
    migrations: tuple[tuple[str, ...], ...]
    tables: frozenset[str]

    @property
    def version(self) -> int:
        """The current schema version."""
        return len(self.migrations)

    def version_of(self, connection: sqlite3.Connection) -> int:
        """The file's schema version; 0 for a new file.

        Raises
        ------
        UnknownSchema
            If a newer course wrote the file, or something else did.
        Damaged
            If the file has our header and lost its tables.
        """
        with snapshot(connection):  # else another process could make the tables between two of these
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            (owner,) = connection.execute("PRAGMA application_id").fetchone()
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if owner != self.application_id and (found or owner or tables):
            raise Foreign
        if found > self.version:
            raise Newer(found, self.version)
        if found == self.version and not tables >= self.tables:
            raise Damaged("tables are missing")
        return found

    def migrate(self, connection: sqlite3.Connection) -> None:
        """Bring the tables up to date in one transaction; a failure changes nothing."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Asked again: another process may have been faster.
            for step in self.migrations[self.version_of(connection) :]:
                for statement in step:
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {self.application_id}")
            connection.execute(f"PRAGMA user_version = {self.version}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
