"""A class that solved lesson 01 honestly, in a clone of the course: scores are known before it is graded."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat

from autograder.notebooks.build import build_release
from benchmarks.light_assignment import Scores
from course.classroom import register

ROOT = Path(__file__).resolve().parents[1]
LESSON, NOTEBOOK = "01_infonce", "infonce"


def make(root: Path, students: int = 50) -> Scores:
    """Make the clone in an empty folder, with its lessons in the gradebook and submissions of one of them.

    The first student solved everything, the second nothing; the others left out some of the exercises.

    Returns
    -------
    dict
        The score of every check, by student and grade id.
    """
    built = shutil.ignore_patterns("*.ipynb", "__pycache__")
    shutil.copytree(ROOT / "solutions", root / "solutions", ignore=built)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    build_release(root / "solutions", root / "notebooks")
    register(root)
    solved = nbformat.read(root / "solutions" / LESSON / f"{NOTEBOOK}.ipynb", as_version=4)
    marked = {cell.metadata.nbgrader.grade_id: cell for cell in solved.cells if "nbgrader" in cell.metadata}
    right = {
        name: re.sub(r"(?m)^.*(BEGIN|END) SOLUTION.*\n?", "", cell.source)
        for name, cell in marked.items()
        if cell.metadata.nbgrader.solution and cell.cell_type == "code"
    }
    points = {name: float(marked[f"check-{name}"].metadata.nbgrader.points) for name in right}
    return {
        f"student{index:03d}": _submit(root, f"student{index:03d}", index, right, points)
        for index in range(students)
    }


def _submit(
    root: Path, student: str, index: int, right: dict[str, str], points: dict[str, float]
) -> dict[str, float]:
    notebook = nbformat.read(root / "notebooks" / LESSON / f"{NOTEBOOK}.ipynb", as_version=4)
    cells = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
    earned = dict.fromkeys((f"check-{name}" for name in right), 0.0)
    for place, name in enumerate(right):
        if index == 0 or (index != 1 and (index * (2 * place + 3)) % 5):
            cells[name].source = right[name]
            earned[f"check-{name}"] = points[name]
    folder = root / "classroom" / "submitted" / student / LESSON
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{NOTEBOOK}.ipynb")
    return earned
