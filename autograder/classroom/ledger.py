"""What became of each submission, kept so that a run that was ended goes on where it stopped.

A row is ``graded`` from the moment its result is stored until the gradebook and the autograded folder
have it, and ``merged`` from then on. Only then are its files dropped: until then nothing has to be graded
again, whatever happens.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autograder.classroom import ledger_file
from autograder.classroom.entries import Entry, Verdicts, refused
from autograder.classroom.errors import GradingError
from autograder.classroom.outcome import Outcome
from autograder.classroom.task import Result
from autograder.database import is_damage

__all__ = ["Entry", "Ledger", "Verdicts", "refused"]


class Ledger:
    """The ledger of a course folder.

    Parameters
    ----------
    path : Path
        ``classroom/grading.sqlite``; made if it is not there. A damaged file is set aside under another
        name, which `notice` then says.
    writable : bool
        Without it nothing is written or made; a file that is not there reads as an empty one.

    Raises
    ------
    GradingError
        If it is another program's or a newer version's file, or cannot be written.
    """

    def __init__(self, path: Path, *, writable: bool = True) -> None:
        self.path = path
        self.notice: str | None = None
        self._writable = writable
        try:
            self._connection = ledger_file.connect(path, writable=writable)
        except sqlite3.Error as error:
            if not is_damage(error):
                raise self._unusable(error) from error
            if not writable:
                raise GradingError(
                    f"The ledger {path} is damaged: `course grade` sets it aside and begins a new one."
                ) from error
            self.notice = ledger_file.set_aside(path)
            self._connection = ledger_file.connect(path, writable=True)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def store(
        self, result: Result, versions: Mapping[str, str], limits: Mapping[str, Any], *, merged: bool = False
    ) -> None:
        """Keep a result, durably, before anything is done with it.

        Parameters
        ----------
        merged : bool
            Whether there is nothing to enter anywhere: the submission could not be graded.
        """
        outcome = result.outcome
        key = (outcome.assignment, outcome.student)
        now = datetime.now(UTC).isoformat()
        told = json.dumps(dict(versions), sort_keys=True)
        scores = {n.name: {g.grade_id: g.score for g in n.grades} for n in outcome.notebooks}
        with self._transaction() as do:
            do.execute("DELETE FROM file WHERE assignment = ? AND student = ?", key)
            if not merged:
                do.executemany(
                    "INSERT INTO file VALUES (?, ?, ?, ?)",
                    [(*key, path, zlib.compress(content, 1)) for path, content in result.files.items()],
                )
            do.execute(
                "INSERT OR REPLACE INTO submission VALUES (?, ?, ?, ?, ?, ?, NULL, ?, ?)",
                (
                    *key,
                    outcome.digest,
                    told,
                    json.dumps(dict(limits), sort_keys=True),
                    _as_json(outcome),
                    "merged" if merged else "graded",
                    now,
                ),
            )
            do.execute(
                "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*key, now, outcome.digest, told, outcome.status, outcome.score, json.dumps(scores)),
            )

    def mark_merged(self, assignment: str, student: str) -> None:
        """The gradebook and the autograded folder have it: the files are not needed any more."""
        with self._transaction() as do:
            do.execute(
                "UPDATE submission SET state = 'merged', refused = NULL WHERE assignment = ? AND student = ?",
                (assignment, student),
            )
            do.execute("DELETE FROM file WHERE assignment = ? AND student = ?", (assignment, student))

    def mark_refused(self, assignment: str, student: str, reason: str) -> None:
        """The gradebook did not take it; result and files are kept for the next run."""
        with self._transaction() as do:
            do.execute(
                "UPDATE submission SET refused = ? WHERE assignment = ? AND student = ?",
                (reason, assignment, student),
            )

    def entry(self, assignment: str, student: str) -> Entry | None:
        """The row of one submission, if it was graded."""
        rows = self._rows("WHERE assignment = ? AND student = ?", (assignment, student))
        return next(rows, None)

    def entries(self, assignment: str) -> Iterator[Entry]:
        """All rows of an assignment, by student."""
        return self._rows("WHERE assignment = ? ORDER BY student", (assignment,))

    def outcomes(self, assignment: str) -> list[Outcome]:
        """What became of each submission of an assignment, by student."""
        return [entry.shown for entry in self.entries(assignment)]

    def result(self, assignment: str, student: str) -> Result:
        """A stored result with its files, which it has until it is merged.

        Raises
        ------
        KeyError
            If there is none.
        """
        entry = self.entry(assignment, student)
        if entry is None:
            raise KeyError((assignment, student))
        rows = self._connection.execute(
            "SELECT path, content FROM file WHERE assignment = ? AND student = ?", (assignment, student)
        )
        return Result(entry.outcome, {path: zlib.decompress(content) for path, content in rows})

    def history(self, assignment: str, student: str | None = None) -> list[Verdicts]:
        """Every grading of an assignment, oldest first, with the versions of the exercises at that time."""
        rows = self._connection.execute(
            "SELECT student, at_utc, digest, versions, status, score, scores FROM history "
            "WHERE assignment = ? AND (? IS NULL OR student = ?) ORDER BY rowid",
            (assignment, student, student),
        )
        return [
            Verdicts(
                who,
                datetime.fromisoformat(at),
                old,
                json.loads(versions),
                status,
                score,
                json.loads(scores),
            )
            for who, at, old, versions, status, score, scores in rows
        ]

    def _rows(self, where: str, values: tuple[str, ...]) -> Iterator[Entry]:
        cursor = self._connection.execute(
            "SELECT student, digest, versions, limits, outcome, refused, state, at_utc FROM submission "
            + where,
            values,
        )
        for student, digest, versions, limits, outcome, reason, state, at in cursor:
            yield Entry(
                student,
                digest,
                json.loads(versions),
                json.loads(limits),
                Outcome.model_validate_json(outcome),
                reason,
                state,
                datetime.fromisoformat(at),
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: sqlite3.Error) -> GradingError:
        doing = "written" if self._writable else "read"
        return GradingError(f"The ledger {self.path} cannot be {doing}: {error}.")


def _as_json(outcome: Outcome) -> str:
    """The outcome as JSON; what a student's message holds that is no character becomes a question mark."""
    text = json.dumps(outcome.model_dump(), ensure_ascii=False)
    return text.encode("utf-8", "replace").decode("utf-8")
