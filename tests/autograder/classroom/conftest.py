"""Lessons as assignments, and a grader in this process with its real warmed process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from autograder.classroom.assignment import Assignment, CellSpec, NotebookSpec
from autograder.classroom.nbgrader_rules import utils
from autograder.classroom.releases import asked_by
from autograder.classroom.task import Limits, Result, Submission, Task
from autograder.exercises import exercises
from autograder.notebooks.source import LessonSource, sources

ROOT = Path(__file__).resolve().parents[3]
KEY = b"a key of a student"


@cache
def lesson(name: str) -> list[LessonSource]:
    """The notebooks of a lesson: ``lesson("01_infonce")``."""
    return [source for source in sources(ROOT / "solutions") if source.lesson == name]


def released(source: LessonSource) -> NotebookNode:
    """A notebook as students get it."""
    return nbformat.read(ROOT / "notebooks" / source.lesson / f"{source.path.stem}.ipynb", as_version=4)


@cache
def assignment_of(name: str) -> Assignment:
    """A lesson as an assignment, made from its release alone."""
    specs = []
    for source in lesson(name):
        cells = [cell for cell in released(source).cells if "nbgrader" in cell.metadata]
        specs.append(NotebookSpec(name=source.path.stem, cells=tuple(map(_spec, cells))))
    return Assignment(name=name, notebooks=tuple(specs), skipped_tags=("experiment",))


def _spec(cell: NotebookNode) -> CellSpec:
    marks = cell.metadata.nbgrader
    exercise, variable = asked_by(cell.source, exercises()) if marks.grade else (None, None)
    return CellSpec(
        grade_id=marks.grade_id,
        cell_type=cell.cell_type,
        source=cell.source,
        checksum=utils().compute_checksum(cell),
        locked=utils().is_locked(cell),
        grade=marks.grade,
        solution=marks.solution,
        points=marks.get("points", 0.0),
        exercise=exercise,
        variable=variable,
    )


def solved(source: LessonSource) -> NotebookNode:
    """A notebook with the worked answers, as a perfect student hands it in."""
    return source.notebook()


def submission(assignment: Assignment, **notebooks: NotebookNode | bytes) -> Submission:
    """A submission of these notebooks."""
    files = {
        f"{name}.ipynb": notebook if isinstance(notebook, bytes) else nbformat.writes(notebook).encode()
        for name, notebook in notebooks.items()
    }
    return Submission("student", assignment.name, files)


@pytest.fixture(scope="session")
def grader() -> Iterator[Callable[..., Result]]:
    """Grade a submission here; its notebooks run in real isolated processes."""
    from autograder.classroom.grading import close, grade

    def grade_here(handed_in: Submission, assignment: Assignment, key: bytes = KEY, **limits: float) -> Result:
        return grade(Task(handed_in, assignment, key, Limits(**limits)))  # type: ignore[arg-type]

    yield grade_here
    close()
