"""The rules that run notebooks, and what they say of the lessons of this course."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.notebooks.execution import run, solution_is_clean, untouched_runs_through
from autograder.notebooks.rules import lessons

pytestmark = pytest.mark.notebook

LESSONS = lessons(Path(__file__).resolve().parents[3])


def test_running_finds_what_reading_cannot(written, good):
    wrong = good.replace("logits.T, labels", "logits, labels").replace(
        "total =", "import sys\nprint('to stderr', file=sys.stderr)\n1 / 0\ntotal ="
    )
    place = "01_infonce/infonce.py, cell"
    *troubles, missed = solution_is_clean(written(wrong))
    assert troubles == [
        f"{place} 6 (import sys): it writes to stderr: to stderr",
        f"{place} 6 (import sys): it raises ZeroDivisionError: division by zero",
    ]
    assert missed.startswith(f"{place} 4 (check-clip_loss): the solution earns 0.0 of 3.0 points.")
    assert "LOOKS LIKE   one direction only" in missed


def test_running_skips_experiments_unless_asked(released):
    counts = [
        [
            cell.execution_count
            for cell in run(released.solved, experiments=asked).cells
            if "tags" in cell.metadata
        ]
        for asked in (False, True)
    ]
    assert counts == [[None], [4]]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_solutions_earn_all_points(lesson):
    assert solution_is_clean(lesson) == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_an_untouched_lesson_runs_through(lesson):
    assert untouched_runs_through(lesson) == []


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_solutions_and_experiments_run(lesson):
    assert solution_is_clean(lesson, experiments=True) == []
