"""A stored result on its way into the gradebook and the autograded folder."""

from __future__ import annotations

from types import TracebackType

from autograder.classroom import autograded
from autograder.classroom.assignment import Assignment
from autograder.classroom.entries import refused
from autograder.classroom.errors import GradingError
from autograder.classroom.folder import Folder
from autograder.classroom.gradebook import Writer
from autograder.classroom.gradebook_errors import GradebookUnreachable, MergeError
from autograder.classroom.gradebook_queries import date_of
from autograder.classroom.ledger import Ledger
from autograder.classroom.outcome import Outcome
from autograder.classroom.task import Result

ENOUGH = 3  # submissions in a row that an unreachable gradebook may cost a minute each


class Merger:
    """Enters results of one assignment: ledger row ``graded`` → gradebook → folder → row ``merged``.

    A result that the gradebook refuses stays in the ledger, and the next run enters it. When the
    database does not answer several times in a row, the rest of the run only grades and keeps.

    Raises
    ------
    GradingError
        If the gradebook cannot be opened or does not know the assignment.
    """

    def __init__(self, folder: Folder, ledger: Ledger, assignment: Assignment) -> None:
        self.notices: list[str] = []
        self._folder, self._ledger, self._name = folder, ledger, assignment.name
        self._support = assignment.files
        self._writer = Writer(folder.db_url, folder.course_id, folder.config)
        self._unreachable = 0
        if not self._writer.knows(self._name):
            self._writer.close()
            raise GradingError(
                f"The gradebook does not know {self._name}: "
                f"run `nbgrader generate_assignment {self._name}` first."
            )
        self._submitted = self._writer.submitted(self._name)

    def __enter__(self) -> Merger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def has(self, student: str) -> bool:
        """Whether the gradebook has scores of this student."""
        return student in self._submitted

    def has_folder(self, student: str) -> bool:
        """Whether the autograded folder is there."""
        return self._folder.autograded(student, self._name).is_dir()

    def waiting(self) -> dict[str, int]:
        """Students with cells that a person has to grade, and how many."""
        if self._unreachable >= ENOUGH:
            return {}
        return self._writer.waiting(self._name)

    def merge(self, student: str, result: Result | None = None) -> Outcome:
        """Enter a stored result.

        Parameters
        ----------
        result : Result, optional
            The stored result, if it is still in memory.

        Returns
        -------
        Outcome
            As it is to be told: *could not be graded* if gradebook or folder did not take it.
        """
        result = result or self._ledger.result(self._name, student)
        try:
            self._enter(result.outcome)
            if result.files:  # none: an earlier run wrote the folder, and the gradebook is a new one
                self._write(result)
        except (MergeError, OSError, ValueError) as error:
            reason = str(error) if isinstance(error, MergeError) else f"its folder cannot be written: {error}"
            self._ledger.mark_refused(self._name, student, reason)
            return refused(result.outcome, reason)
        self._ledger.mark_merged(self._name, student)
        return result.outcome

    def _enter(self, outcome: Outcome) -> None:
        if self._unreachable >= ENOUGH:
            raise GradebookUnreachable("the gradebook does not answer")
        try:
            self._writer.merge(outcome)
        except GradebookUnreachable:
            self._unreachable += 1
            if self._unreachable == ENOUGH:
                self.notices.append(
                    "The gradebook did not answer several times: results are kept in the ledger, and "
                    f"`course grade {self._name}` enters them later."
                )
            raise
        self._unreachable = 0
        self._submitted.add(outcome.student)

    def _write(self, result: Result) -> None:
        outcome = result.outcome
        files = {**result.files, **self._support}
        if outcome.timestamp and date_of(outcome.timestamp):
            files[autograded.TIMESTAMP] = outcome.timestamp.encode()
        autograded.write(
            self._folder.autograded(outcome.student, self._name),
            files,
            mode=self._folder.file_mode,
            groupshared=self._folder.groupshared,
        )
