"""Where a run reads assignments and submissions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autograder.classroom.assignment import Assignment
from autograder.classroom.errors import GradingError
from autograder.classroom.task import Submission


class Source:
    """What was released and handed in below a course folder.

    Parameters
    ----------
    root : Path
    name : str
        The assignment.
    db_url : str, optional
        A gradebook other than the configured one.

    Raises
    ------
    GradingError
        If the assignment is not there, or not as it has to be.
    """

    def __init__(self, root: Path, name: str, db_url: str | None = None) -> None:
        from autograder.classroom import releases, submissions

        try:
            self.assignment: Assignment = releases.read_assignment(root, name, db_url)
            self._folders = submissions.folders(root, name)
        except releases.ReleaseError as error:
            raise GradingError(str(error)) from error

    def students(self) -> list[str]:
        """Who handed something in: the names of their folders."""
        return self._folders.students()

    def chosen(self, students: Sequence[str]) -> list[str]:
        """Those of them who are asked for; all if nobody is.

        Raises
        ------
        GradingError
            If somebody who is asked for handed nothing in.
        """
        found = self.students()
        if unknown := sorted(set(students) - set(found)):
            raise GradingError(f"{', '.join(unknown)} handed in nothing for {self.assignment.name}.")
        return [student for student in found if not students or student in students]

    def read(self, student: str) -> Submission:
        """What a student handed in; a folder's name that can be no student's id is another one in it."""
        return self._folders.read(student, self.assignment)
