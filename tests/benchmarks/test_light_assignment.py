"""The light assignment is what the benchmark says: nbgrader's own release, and scores that are known."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch

from benchmarks import light_assignment
from benchmarks.gradebooks import scores
from benchmarks.light_exercises import NOTEBOOKS

EXERCISES = {one.name: one for exercises in NOTEBOOKS.values() for one in exercises}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tmp_path_factory.mktemp("light")
    return root, light_assignment.make(root, students=12)


@pytest.fixture
def run():
    """What a test cell gives for an answer, as nbgrader counts it."""
    matplotlib.use("agg")

    def points(one, body):
        names = {"np": np, "plt": plt, "torch": torch}
        *before, last = one.test.splitlines()
        with contextlib.suppress(NotImplementedError):
            exec(one.answer(body), names)
            try:
                exec("\n".join(before), names)
                if last.startswith("assert"):
                    exec(last, names)
                    return float(one.points)
                return float(eval(last, names))
            except (AssertionError, AttributeError, TypeError, RuntimeError, ValueError):
                return 0.0
            finally:
                plt.close("all")
        return 0.0

    return points


@pytest.mark.parametrize("name", EXERCISES)
def test_answers_earn_what_is_said(name, run):
    one = EXERCISES[name]
    assert run(one, one.right) == one.points
    assert run(one, one.wrong) == 0
    assert run(one, light_assignment.STUB) == 0
    if one.partly is not None:
        assert run(one, one.partly[0]) == one.partly[1]


@pytest.mark.nbgrader
def test_the_release_holds_no_answers(course):
    root, _ = course
    for name, exercises in NOTEBOOKS.items():
        notebook = nbformat.read(root / "release" / "light" / f"{name}.ipynb", as_version=4)
        assert "import torch" in notebook.cells[1].source
        graded = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
        assert [cell.metadata.nbgrader.points for cell in graded] == [one.points for one in exercises]
        text = "".join(cell.source for cell in notebook.cells)
        assert not any(one.right in text for one in exercises)


@pytest.mark.nbgrader
def test_a_class_has_different_scores(course):
    root, scores = course
    totals = [sum(points.values()) for points in scores.values()]
    assert totals[0] == sum(one.points for one in EXERCISES.values())
    assert totals[1] == 0
    assert len(set(totals)) >= 6
    assert any(points % 1 for points in totals)
    assert {path.name for path in (root / "submitted").iterdir()} == scores.keys()


@pytest.mark.nbgrader
@pytest.mark.slow
def test_nbgrader_gives_the_known_scores(course):
    root, known = course
    some = dict(list(known.items())[:4])
    for student in some:
        subprocess.run(
            [sys.executable, "-m", "nbgrader", "autograde", "light", "--student", student],
            cwd=root,
            env=light_assignment.environment(),
            capture_output=True,
            check=True,
        )
    assert scores(root / "gradebook.db", "light") == some
