"""What is read from nbgrader's gradebook: ids of cells by name, who has scores, who waits for a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from nbgrader import api, utils
from sqlalchemy import func, select
from sqlalchemy.engine import Connection

DATE_LENGTH = 100  # no date is longer, and the parser is slow on what is


@dataclass
class Cells:
    """What the gradebook knows of one notebook of an assignment: ids of its cells by name."""

    id: str
    graded: dict[str, str] = field(default_factory=dict)
    commented: dict[str, str] = field(default_factory=dict)


def date_of(timestamp: str | None) -> datetime | None:
    """What a timestamp.txt says, in UTC and without a zone, as nbgrader reads it; None if it says no date."""
    if not timestamp or not timestamp.strip() or len(timestamp) > DATE_LENGTH:
        return None
    try:
        return utils.parse_utc(timestamp.strip())
    except (ValueError, OverflowError, TypeError, AttributeError):
        return None


def submitted(connection: Connection, assignment: str) -> set[str]:
    """The students who have scores of the assignment."""
    wanted = (
        select(api.SubmittedAssignment.student_id)
        .join(api.Assignment, api.Assignment.id == api.SubmittedAssignment.assignment_id)
        .where(api.Assignment.name == assignment)
    )
    return set(connection.scalars(wanted))


def waiting(connection: Connection, assignment: str) -> dict[str, int]:
    """How many cells of each student wait for a person to grade them."""
    wanted = (
        select(api.SubmittedAssignment.student_id, func.count())
        .join(api.Assignment, api.Assignment.id == api.SubmittedAssignment.assignment_id)
        .join(api.SubmittedNotebook, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
        .join(api.Grade, api.Grade.notebook_id == api.SubmittedNotebook.id)
        .where(api.Assignment.name == assignment, api.Grade.needs_manual_grade)
        .group_by(api.SubmittedAssignment.student_id)
    )
    counts: dict[str, int] = {}
    for student, count in connection.execute(wanted):
        counts[student] = count
    return counts


def structure(connection: Connection, assignment: str) -> tuple[str, dict[str, Cells]] | None:
    """The id of an assignment, and its notebooks by name; None if the gradebook does not know it."""
    found = connection.scalar(select(api.Assignment.id).where(api.Assignment.name == assignment))
    if found is None:
        return None
    rows = connection.execute(
        select(api.Notebook.name, api.Notebook.id).where(api.Notebook.assignment_id == found)
    )
    notebooks = {name: Cells(key) for name, key in rows}
    for notebook in notebooks.values():
        cells = connection.execute(
            select(api.BaseCell.name, api.BaseCell.id, api.BaseCell.type).where(
                api.BaseCell.notebook_id == notebook.id
            )
        )
        for name, cell, kind in cells:
            if kind in ("GradeCell", "TaskCell"):
                notebook.graded[name] = cell
            if kind in ("SolutionCell", "TaskCell"):
                notebook.commented[name] = cell
    return found, notebooks
