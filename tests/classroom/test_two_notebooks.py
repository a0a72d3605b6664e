"""Lesson 07 is one assignment of two notebooks: nbgrader grades both, and one of them that is not touched."""

from __future__ import annotations

import re

import nbformat
import pytest

from autograder.notebooks.source import LessonSource

pytestmark = pytest.mark.nbgrader

LESSON = "07_post_training"
NOTEBOOKS = ("post_training", "gptq_awq")


@pytest.fixture(scope="module")
def room(clone):
    """Somebody who solved both notebooks, and somebody who handed the second one in as it was."""
    room = clone("two-notebooks")
    for student, solved in {"both": NOTEBOOKS, "first": NOTEBOOKS[:1]}.items():
        folder = room.root / "classroom" / "submitted" / student / LESSON
        folder.mkdir(parents=True)
        for name in NOTEBOOKS:
            answers = answered(room.root / "solutions" / LESSON / f"{name}.py") if name in solved else {}
            nbformat.write(filled(release(room, name), answers), folder / f"{name}.ipynb")
    room.nbgrader("autograde", LESSON)
    return room


def answered(source):
    """The worked answers of a notebook, by the id of their cell."""
    return {
        cell.metadata["nbgrader"]["grade_id"]: re.sub(r"(?m)^.*(BEGIN|END) SOLUTION.*\n?", "", cell.source)
        for cell in LessonSource(source).notebook().cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


def release(room, name):
    return nbformat.read(room.root / "notebooks" / LESSON / f"{name}.ipynb", as_version=4)


def filled(notebook, answers):
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.source = answers.get(cell.metadata.nbgrader.grade_id, cell.source)
    return notebook


def possible(room, name):
    """The points of every check of a notebook."""
    marks = [cell.metadata.nbgrader for cell in release(room, name).cells if "nbgrader" in cell.metadata]
    return {m.grade_id: m.points for m in marks if m.grade and m.grade_id.startswith("check-")}


def points(room, student, name):
    with room.gradebook() as gradebook:
        grades = gradebook.find_submission_notebook(name, LESSON, student).grades
        return {grade.name: grade.auto_score for grade in grades if grade.name.startswith("check-")}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_worked_answers_earn_everything(room, name):
    wanted = possible(room, name)
    assert len(wanted) >= 8
    assert points(room, "both", name) == wanted


def test_the_second_notebook_costs_the_first_one_nothing(room):
    first, second = NOTEBOOKS
    assert points(room, "first", first) == possible(room, first)
    assert points(room, "first", second) == dict.fromkeys(possible(room, second), 0.0)
