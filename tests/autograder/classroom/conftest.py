"""Lessons as assignments, courses in nbgrader, and a grader in this process with its real warmed process."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from traitlets.config import Config

from autograder.classroom.assignment import Assignment, CellSpec, NotebookSpec
from autograder.classroom.nbgrader_rules import utils
from autograder.classroom.releases import asked_by, read_assignment
from autograder.classroom.task import Limits, Result, Submission, Task
from autograder.exercises import exercises
from autograder.notebooks.build import generate_assignment
from autograder.notebooks.source import LessonSource, sources
from course.classroom import register

sys.path.insert(0, str(Path(__file__).parent))  # the helpers beside also run in processes of their own

import small_course

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

    def grade_here(
        handed_in: Submission, assignment: Assignment, key: bytes = KEY, **limits: float
    ) -> Result:
        return grade(Task(handed_in, assignment, key, Limits(**limits)))  # type: ignore[arg-type]

    yield grade_here
    close()


IN_GRADEBOOK = ("01_infonce", "07_post_training")


@pytest.fixture(scope="session")
def course(tmp_path_factory) -> Path:
    """A clone of the course that has two lessons, both in the gradebook."""
    folder = tmp_path_factory.mktemp("course")
    for lesson in IN_GRADEBOOK:
        built = shutil.ignore_patterns("*.ipynb", "__pycache__")
        shutil.copytree(ROOT / "solutions" / lesson, folder / "solutions" / lesson, ignore=built)
        shutil.copytree(ROOT / "notebooks" / lesson, folder / "notebooks" / lesson)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    register(folder)
    return folder


@pytest.fixture(scope="session")
def infonce(course) -> Assignment:
    """Lesson 01 as released."""
    return read_assignment(course, "01_infonce")


@pytest.fixture(scope="session")
def raw(course) -> bytes:
    """The released notebook of lesson 01."""
    return (course / "notebooks" / "01_infonce" / "infonce.ipynb").read_bytes()


@pytest.fixture(scope="session")
def plain(tmp_path_factory) -> Path:
    """A course in nbgrader's default folders, without a configuration: one assignment, ``ps1``."""
    folder = tmp_path_factory.mktemp("plain")
    source = folder / "source" / "ps1"
    for path, text in {
        "data.csv": "a,b\n",
        "more/deep.txt": "deep",
        "__pycache__/x.pyc": "",
        ".ipynb_checkpoints/y.txt": "",
    }.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(text, encoding="utf-8")
    notebook = new_notebook(
        cells=EVERY_KIND, metadata={"kernelspec": {"name": "python3", "display_name": "P"}}
    )
    nbformat.write(notebook, source / "first.ipynb")
    config = Config()
    config.CourseDirectory.root = str(folder)
    generate_assignment("ps1", config)
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """The small course, as released."""
    return small_course.make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def root(made, tmp_path) -> Path:
    """A copy of the small course, for one test."""
    return Path(shutil.copytree(made, tmp_path / "course"))


def _marked(cell, grade_id, **marks):
    every = {"grade": False, "locked": False, "solution": False, "task": False, "schema_version": 3}
    cell.metadata["nbgrader"] = every | {"grade_id": grade_id} | marks
    return cell


HIDDEN = "assert f(1) == 2\n### BEGIN HIDDEN TESTS\nassert f(2) == 3\n### END HIDDEN TESTS"
EVERY_KIND = [
    new_markdown_cell("# Problem set"),
    _marked(new_code_cell("import math"), "setup", locked=True),
    _marked(
        new_code_cell("def f(x):\n    ### BEGIN SOLUTION\n    return x + 1\n    ### END SOLUTION"),
        "f",
        solution=True,
    ),
    _marked(new_code_cell(HIDDEN), "test-f", grade=True, locked=True, points=3),
    _marked(new_code_cell("assert f(0) == 1"), "test-f-again", grade=True, locked=True, points=1),
    _marked(new_code_cell("# YOUR CODE HERE"), "plot", grade=True, solution=True, points=2),
    _marked(new_markdown_cell("YOUR ANSWER HERE"), "explain", grade=True, solution=True, points=4),
    _marked(new_markdown_cell("Draw it."), "draw", task=True, locked=True, points=5),
    new_code_cell("f(10)"),
]
