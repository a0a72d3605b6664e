"""Putting a report on disk: the page, and its tables beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from autograder.classroom.assignment import Assignment
from autograder.classroom.errors import GradingError
from autograder.classroom.outcome import Outcome
from autograder.classroom.report.overview import overview
from autograder.classroom.report.page import page
from autograder.classroom.report.tables import tables
from autograder.classroom.similarity import read_answers, similar_pairs
from autograder.classroom.standing import Mark

PAGE = "report.html"


def write_report(
    outcomes: Sequence[Outcome],
    assignment: Assignment,
    into: Path,
    *,
    marks: Mapping[str, Mark] | None = None,
    autograded: Path | None = None,
    when: datetime | None = None,
) -> Path:
    """Write ``report.html`` and the CSVs of an assignment.

    Parameters
    ----------
    outcomes : sequence of Outcome
    assignment : Assignment
    into : Path
        ``classroom/report/ASSIGNMENT``; made if it is missing.
    marks : mapping of str to Mark, optional
        The gradebook's; see `standing.read_marks`.
    autograded : Path, optional
        ``classroom/autograded``, for comparing answers.
    when : datetime, optional
        What the page says about when it was written.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    GradingError
        If there is nothing to report, or a file cannot be written.
    """
    if not outcomes:
        raise GradingError(
            f"Nothing of {assignment.name} has been graded: run `course grade {assignment.name}`."
        )
    told = overview(outcomes, assignment, marks)
    students = [one.student for one in told.graded]
    answers = read_answers(autograded, assignment, students) if autograded else {}
    similar = similar_pairs(answers, assignment)
    files = {PAGE: page(told, similar, when.strftime("%Y-%m-%d %H:%M") if when else "")}
    # A mark of byte order lets spreadsheets see that these are UTF-8.
    files |= {name: "\ufeff" + text for name, text in tables(told, similar).items()}
    try:
        into.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_text(into / name, text)
    except OSError as error:
        raise GradingError(f"Cannot write into {into}: {error.strerror or error}.") from error
    return into / PAGE


def write_text(path: Path, text: str) -> None:
    """Put a text at `path` in one step, so that a reader finds the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))  # a lone surrogate cannot be encoded
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
