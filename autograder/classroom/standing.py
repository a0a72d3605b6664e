"""What nbgrader's gradebook says of an assignment: scores by hand, extra credit, penalties, names."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry, Student, SubmittedAssignment, SubmittedNotebook

from autograder.classroom.errors import GradingError

Place = tuple[str, str]  # a notebook, and the grade id of one of its cells


@dataclass(frozen=True)
class CellMark:
    """One cell's score as nbgrader counts it, and whether a person still has to look at it."""

    score: float
    waiting: bool


@dataclass(frozen=True)
class Mark:
    """One student's standing in an assignment.

    Parameters
    ----------
    student : str
        nbgrader's id.
    score : float or None
        What ``nbgrader export`` writes: manual scores and extra credit in, late penalty off, never below 0.
        None if there is no submission, for which nbgrader writes 0.
    penalty, maximum : float
        Points off for being late; nbgrader's maximum.
    cells : dict
        By notebook and grade id.
    """

    student: str
    score: float | None
    penalty: float = 0.0
    maximum: float = 0.0
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    cells: dict[Place, CellMark] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """``Last, First`` as far as they are known, else nothing."""
        return ", ".join(part for part in (self.last_name, self.first_name) if part)


def read_marks(database: str, assignment: str) -> dict[str, Mark]:
    """Read everybody's marks of an assignment.

    Parameters
    ----------
    database : str
        URL of nbgrader's gradebook.
    assignment : str

    Returns
    -------
    dict of str to Mark
        By student id: all students of the gradebook, those without a submission too.

    Raises
    ------
    GradingError
        If there is no such gradebook, or it does not know the assignment.
    """
    if database.startswith("sqlite:///") and not Path(database.removeprefix("sqlite:///")).is_file():
        raise GradingError(
            f"There is no gradebook at {database.removeprefix('sqlite:///')}: grade something first."
        )
    programs, path = str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)
    if programs not in path.split(os.pathsep):  # nbgrader calls alembic by name
        os.environ["PATH"] = os.pathsep.join([programs, path])
    with Gradebook(database) as gradebook:
        try:
            found = gradebook.find_assignment(assignment)
        except MissingEntry as error:
            raise GradingError(f"The gradebook knows no assignment {assignment!r}.") from error
        maximum = float(found.max_score)
        submissions = {one.student_id: one for one in found.submissions}
        return {
            student.id: _mark(student, submissions.get(student.id), maximum) for student in gradebook.students
        }


def _mark(student: Student, submission: SubmittedAssignment | None, maximum: float) -> Mark:
    penalty = float(submission.late_submission_penalty or 0.0) if submission else 0.0
    return Mark(
        student.id,
        max(0.0, float(submission.score) - penalty) if submission else None,  # as nbgrader's export
        penalty,
        maximum,
        student.first_name or "",
        student.last_name or "",
        student.email or "",
        dict(_cells(submission.notebooks)) if submission else {},
    )


def _cells(notebooks: Iterable[SubmittedNotebook]) -> Iterable[tuple[Place, CellMark]]:
    for notebook in notebooks:
        for grade in notebook.grades:
            yield (
                (notebook.name, grade.name),
                CellMark(float(grade.score or 0.0), bool(grade.needs_manual_grade)),
            )
