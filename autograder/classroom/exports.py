"""Gradebooks that Canvas and Moodle import, with the scores that ``nbgrader export`` has.

*Canvas* reads a CSV with the header of its own export: student, ids and section in the first columns, then
a column for each assignment, whose header ends in Canvas's number for an assignment that exists; a row
"Points Possible" below the header. *Moodle* lets the importer say which column names the user and which is
the grade. Both ignore empty fields, which is what a submission without a score has here.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autograder.classroom.assignment import Assignment
from autograder.classroom.errors import GradingError
from autograder.classroom.outcome import Outcome
from autograder.classroom.report.overview import overview
from autograder.classroom.report.text import csv_text
from autograder.classroom.standing import Mark

CANVAS_COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Integration ID", "Root Account", "Section")
CANVAS_IDS = ("SIS Login ID", "SIS User ID", "Integration ID", "ID")
CANVAS_NEW = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
MOODLE_COLUMNS = ("First name", "Last name", "Surname", "Username", "ID number", "Email address")
MOODLE_IDS = ("Username", "ID number", "Email address")
MOODLE_NEW = ("Last name", "First name", "Username", "ID number", "Email address")


@dataclass(frozen=True)
class Credit:
    """What is to be entered for one student; None for nothing."""

    student: str
    score: float | None
    first_name: str = ""
    last_name: str = ""
    email: str = ""

    @property
    def name(self) -> str:
        """``Last, First`` as far as they are known, else the id."""
        return ", ".join(part for part in (self.last_name, self.first_name) if part) or self.student


@dataclass(frozen=True)
class Export:
    """A CSV, and what to tell whoever imports it."""

    text: str
    notes: list[str] = field(default_factory=list)


def credits(
    outcomes: Sequence[Outcome], assignment: Assignment, marks: Mapping[str, Mark], *, core: bool = False
) -> tuple[list[Credit], float]:
    """Everybody's score, and what it is out of.

    Parameters
    ----------
    outcomes : sequence of Outcome
    assignment : Assignment
    marks : mapping of str to Mark
        The gradebook's: manual scores, extra credit and late penalties are in them.
    core : bool
        Out of the points of core exercises, and never more than these: stretch points make up for lost core
        points and cannot be missed.

    Returns
    -------
    (list of Credit, float)
        Students by id. A submission that could not be graded, and one that was not handed in, has no score.
    """
    told = overview(outcomes, assignment, marks)
    possible = sum(item.points for item in told.items if not (core and item.stretch))
    totals = {one.student: one.total for one in told.standings}
    made = []
    for student in sorted({*totals, *marks}):
        mark = marks.get(student)
        # A student whom plain nbgrader graded has a mark and no outcome.
        score = totals.get(student, mark.score if mark else None)
        if score is not None and core:
            score = min(score, possible)
        names = (mark.first_name, mark.last_name, mark.email) if mark else ("", "", "")
        made.append(Credit(student, score, *names))
    return made, possible


def canvas(given: Sequence[Credit], possible: float, title: str, roster: str | None = None) -> Export:
    """Write a gradebook for Canvas.

    Parameters
    ----------
    given : sequence of Credit
    possible : float
        For the row "Points Possible".
    title : str
        The assignment's name in Canvas. A column of the roster with this name, whatever number follows it,
        is filled; without one, Canvas makes a new assignment.
    roster : str, optional
        The CSV that Canvas exports from its gradebook. It has the ids by which Canvas knows students; an
        nbgrader id may be any of them.

    Raises
    ------
    GradingError
        If the roster is not such a CSV.
    """
    if roster is None:
        made: list[list[object]] = [[one.name, None, None, one.student, None, one.score] for one in given]
        note = (
            "Without --roster, Canvas finds students by SIS Login ID, which has to be nbgrader's student id."
        )
        points = ["    Points Possible", None, None, None, None, possible]
        return Export(csv_text([*CANVAS_NEW, title], [points, *made]), [note, *_empty(given)])
    header, lines = _read(roster, "Student", CANVAS_IDS, "Canvas's gradebook (Grades, Export)")
    column = next(
        (one for one in header if re.fullmatch(rf"{re.escape(title)}( \(\d+\))?", one.strip())), title
    )
    kept = [one for one in header if one in CANVAS_COLUMNS]
    people = [line for line in lines if any(line.get(one, "").strip() for one in CANVAS_IDS)]
    points_row = [("    Points Possible" if one == "Student" else None) for one in kept]
    rows, notes = _matched(given, people, kept, CANVAS_IDS)
    if column == title:
        notes.append(f"Canvas has no assignment {title!r} yet: the import offers to make one.")
    return Export(csv_text([*kept, column], [[*points_row, possible], *rows]), notes)


def moodle(given: Sequence[Credit], possible: float, title: str, roster: str | None = None) -> Export:
    """Write a gradebook for Moodle: map one of the id columns to the user, and the last to the grade item.

    Parameters
    ----------
    given, possible, title, roster :
        As for `canvas`; the roster is the CSV that Moodle exports from its grader report.
    """
    told = f"The grade item in Moodle should have a maximum grade of {possible:g}."
    if roster is None:
        made: list[list[object]] = [
            [one.last_name, one.first_name, one.student, one.student, one.email, one.score] for one in given
        ]
        return Export(csv_text([*MOODLE_NEW, title], made), [told, *_empty(given)])
    header, lines = _read(roster, None, MOODLE_IDS, "Moodle's grader report (Export, Plain text file)")
    kept = [one for one in header if one in MOODLE_COLUMNS]
    rows, notes = _matched(given, lines, kept, MOODLE_IDS)
    return Export(csv_text([*kept, title], rows), [told, *notes])


def _read(
    roster: str, needed: str | None, ids: Sequence[str], source: str
) -> tuple[list[str], list[dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(roster.removeprefix("\ufeff"), newline=""), restval="")
    try:
        header, lines = list(reader.fieldnames or []), list(reader)
    except csv.Error as error:
        raise GradingError(f"The roster is not a CSV: {error}.") from error
    if not set(ids) & set(header) or (needed and needed not in header):
        raise GradingError(
            f"The roster should be the CSV from {source}, with a column "
            f"{' or '.join(map(repr, ids))}; its columns are {', '.join(map(repr, header)) or 'none'}."
        )
    return header, [{name: line[name] or "" for name in header} for line in lines]


def _matched(
    given: Sequence[Credit], people: Sequence[Mapping[str, str]], kept: Sequence[str], ids: Sequence[str]
) -> tuple[list[list[object]], list[str]]:
    """The roster's rows with their scores, and who is missing where."""
    known = {one.student.casefold(): one for one in given}
    rows: list[list[object]] = []
    found, strangers = set(), []
    for line in people:
        names = [line[one].strip().casefold() for one in ids if line.get(one, "").strip()]
        # ``ada@school.edu`` is ``ada`` in many a gradebook.
        names += [name.partition("@")[0] for name in names if "@" in name]
        credit = next((known[name] for name in names if name in known), None)
        if credit is None:
            strangers.append(line.get("Student") or names[0] if names else "somebody without an id")
        elif credit.student in found:
            raise GradingError(
                f"The roster has {credit.student!r} twice: it is not clear whose score that is."
            )
        else:
            found.add(credit.student)
        rows.append([*(line[one] for one in kept), credit.score if credit else None])
    notes = []
    if lost := [one.student for one in given if one.student not in found]:
        notes.append(f"Not in the roster, so not in this file: {_named(lost)}.")
    if strangers:
        notes.append(f"In the roster, but without a submission under their ids: {_named(strangers)}.")
    return rows, [*notes, *_empty(given)]


def _empty(given: Sequence[Credit]) -> list[str]:
    empty = [one.student for one in given if one.score is None]
    return (
        [f"Without a score, so left empty (an import changes nothing there): {_named(empty)}."]
        if empty
        else []
    )


def _named(people: Sequence[str], most: int = 10) -> str:
    shown = ", ".join(map(repr, people[:most]))
    return shown if len(people) <= most else f"{shown} and {len(people) - most} more"
