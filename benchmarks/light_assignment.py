"""An ordinary nbgrader course: two notebooks that import torch, numpy and matplotlib, and a class.

Nothing of our course is in it: six small cells with plain asserts each, as other people write them. The
release is made by nbgrader's own command, and the score of every submission is known before it is graded.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from benchmarks.light_exercises import NOTEBOOKS, Light

ASSIGNMENT = "light"
IMPORTS = "import matplotlib.pyplot as plt\nimport numpy as np\nimport torch"
CONFIG = 'c = get_config()\nc.CourseDirectory.course_id = "light"\n'
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
Scores = dict[str, dict[str, float]]  # by student, then by cell: the ids of the two notebooks differ


def make(root: Path, students: int = 50) -> Scores:
    """Make the course in an empty folder: source, release, gradebook, submissions.

    Parameters
    ----------
    root : Path
    students : int
        How many hand in. The first solved everything, the second nothing, the others something.

    Returns
    -------
    dict
        The score of every graded cell, by student and grade id.

    Raises
    ------
    RuntimeError
        If nbgrader cannot make the release.
    """
    source = root / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    for name, exercises in NOTEBOOKS.items():
        nbformat.write(_source(name, exercises), source / f"{name}.ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_assignment", ASSIGNMENT],
        cwd=root,
        env=environment(),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"nbgrader generate_assignment failed:\n{done.stderr}")
    return {f"student{index:03d}": _submit(root, f"student{index:03d}", index) for index in range(students)}


def environment() -> dict[str, str]:
    """Ours, with one thread, no settings of a class, and the programs that nbgrader calls by name."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COURSE_", "NBGRADER"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return kept | {"PATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _source(name: str, exercises: tuple[Light, ...]) -> NotebookNode:
    cells = [new_markdown_cell(f"# {name.capitalize()}"), new_code_cell(IMPORTS)]
    for one in exercises:
        body = f"### BEGIN SOLUTION\n{one.right}\n### END SOLUTION"
        cells += [
            new_markdown_cell(f"## `{one.name}({one.arguments})`"),
            _marked(one.answer(body), one.name, solution=True),
            _marked(one.test, f"test-{one.name}", points=one.points),
        ]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    for index, cell in enumerate(cells):
        cell.id = f"{name}-{index}"  # not random: two courses made alike are alike
    return notebook


def _marked(source: str, grade_id: str, *, solution: bool = False, points: int | None = None) -> NotebookNode:
    marks = {
        "grade_id": grade_id,
        "grade": points is not None,
        "locked": points is not None,
        "solution": solution,
        "task": False,
        "schema_version": 3,
    }
    return new_code_cell(source, metadata={"nbgrader": marks | ({"points": points} if points else {})})


def _submit(root: Path, student: str, index: int) -> dict[str, float]:
    """Hand in the release with a student's answers; return what they earn."""
    earned: dict[str, float] = {}
    folder = root / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True)
    place = 0
    for name, exercises in NOTEBOOKS.items():
        notebook = nbformat.read(root / "release" / ASSIGNMENT / f"{name}.ipynb", as_version=4)
        cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
        for one in exercises:
            body, points = _answered(one, index, place)
            cells[one.name].source = one.answer(body)
            earned[f"test-{one.name}"] = points
            place += 1
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return earned


def _answered(one: Light, index: int, place: int) -> tuple[str, float]:
    """What a student wrote, and its points: who made which mistake looks random, and is always the same."""
    mood = (index * (2 * place + 3) + index // 5) % 8
    if index == 0 or (index != 1 and mood >= 3):
        return one.right, float(one.points)
    if index == 1 or mood == 0:
        return STUB, 0.0
    if mood == 1 and one.partly is not None:
        return one.partly
    return one.wrong, 0.0
