"""Everything that a report tells, worked out from outcomes: who got what, and where they went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autograder.classroom.assignment import Assignment, CellSpec
from autograder.classroom.outcome import CellGrade, Outcome, Problem
from autograder.classroom.standing import Mark
from autograder.exercises.registry import index

Place = tuple[str, str]  # a notebook, and the grade id of one of its cells


@dataclass(frozen=True)
class Item:
    """One graded cell of the assignment: a column of the report."""

    notebook: str
    grade_id: str
    title: str
    points: float
    exercise: str | None = None
    by_hand: bool = False
    stretch: bool = False

    @property
    def place(self) -> Place:
        """Notebook and grade id, which name the cell."""
        return self.notebook, self.grade_id


@dataclass(frozen=True)
class Entry:
    """What one student got for one item. ``score`` is None if there is none yet, or none at all."""

    score: float | None
    waiting: bool = False
    grade: CellGrade | None = None

    @property
    def problem(self) -> str | None:
        """The verdict's first problem."""
        return str(self.verdict["problem"]) if self.verdict.get("problem") else None

    @property
    def verdict(self) -> Mapping:
        """The verdict as JSON; empty for a cell that no exercise judged."""
        return (self.grade.verdict if self.grade else None) or {}

    @property
    def misconceptions(self) -> tuple[str, ...]:
        """The ids of the mistakes that reproduce the answer."""
        return tuple(map(str, self.verdict.get("misconceptions") or ()))


@dataclass(frozen=True)
class Standing:
    """One submission: a row of the report."""

    outcome: Outcome
    entries: Mapping[Place, Entry]
    total: float | None
    name: str = ""

    @property
    def student(self) -> str:
        """The student's id."""
        return self.outcome.student

    @property
    def problems(self) -> list[Problem]:
        """What went wrong, without mere notes."""
        return [problem for problem in self.outcome.problems if not problem.note]

    @property
    def complete(self) -> bool:
        """Whether all that a program grades has been graded."""
        return all(entry.score is not None or entry.waiting for entry in self.entries.values())


@dataclass(frozen=True)
class Overview:
    """One assignment of one class."""

    assignment: str
    title: str
    items: Sequence[Item]
    standings: Sequence[Standing]
    absent: Sequence[str] = field(default_factory=tuple)  # in the gradebook, without a submission

    @property
    def maximum(self) -> float:
        """Nbgrader's maximum: core, stretch and explanations."""
        return sum(item.points for item in self.items)

    @property
    def graded(self) -> list[Standing]:
        """The submissions that have a score."""
        return [standing for standing in self.standings if standing.total is not None]

    @property
    def failed(self) -> list[Standing]:
        """The submissions that could not be graded."""
        return [standing for standing in self.standings if standing.total is None]

    def entries(self, item: Item) -> list[tuple[Standing, Entry]]:
        """Everybody's entry for one item, for those who have one."""
        return [(one, one.entries[item.place]) for one in self.standings if item.place in one.entries]


def overview(
    outcomes: Sequence[Outcome], assignment: Assignment, marks: Mapping[str, Mark] | None = None
) -> Overview:
    """Work out what a report tells.

    Parameters
    ----------
    outcomes : sequence of Outcome
        At most one for each student; of the assignment.
    assignment : Assignment
        What was released.
    marks : mapping of str to Mark, optional
        The gradebook's: manual scores, extra credit and late penalties then count, and names are shown.

    Returns
    -------
    Overview
        Students in the order of their names, or ids.
    """
    marks = marks or {}
    items = [_item(spec.name, cell) for spec in assignment.notebooks for cell in spec.graded]
    standings = [_standing(outcome, items, marks.get(outcome.student)) for outcome in outcomes]
    seen = {outcome.student for outcome in outcomes}
    return Overview(
        assignment.name,
        next(
            (one["title"] for one in index()["lessons"] if one["lesson"] == assignment.name), assignment.name
        ),
        items,
        sorted(standings, key=lambda one: (one.name or one.student).casefold()),
        sorted(student for student in marks if student not in seen),
    )


def _item(notebook: str, cell: CellSpec) -> Item:
    name = cell.exercise or ""
    known = [
        exercise
        for lesson in index()["lessons"]
        for exercise in lesson["exercises"]
        # An explanation's cell names no exercise: its grade id is the exercise's name.
        if exercise["id"] == name
        or (
            not name
            and exercise["id"].endswith(f".{cell.grade_id}")
            and f"/{notebook}.ipynb" in exercise["notebook"]
        )
    ]
    title = known[0]["title"] if known else cell.grade_id
    if not name and known:
        title = f"{title} ({cell.grade_id})"
    stretch = bool(known and known[0]["stretch"])
    by_hand = cell.solution or cell.task
    return Item(notebook, cell.grade_id, title, cell.points, cell.exercise, by_hand, stretch)


def _standing(outcome: Outcome, items: Sequence[Item], mark: Mark | None) -> Standing:
    graded = {
        (notebook.name, grade.grade_id): grade
        for notebook in outcome.notebooks
        if notebook.graded
        for grade in notebook.grades
    }
    entries = {}
    for item in items:
        grade, cell = graded.get(item.place), mark.cells.get(item.place) if mark else None
        if grade is None:
            entries[item.place] = Entry(None)
        elif cell is not None:
            waiting = cell.waiting and grade.score is None
            entries[item.place] = Entry(None if waiting else cell.score, waiting, grade)
        else:
            entries[item.place] = Entry(grade.score, grade.score is None, grade)
    if outcome.status == "could not be graded" or not graded:
        total = None
    elif mark is not None and mark.score is not None:
        total = mark.score
    else:
        total = sum(entry.score or 0.0 for entry in entries.values())
    return Standing(outcome, entries, total, mark.name if mark else "")
