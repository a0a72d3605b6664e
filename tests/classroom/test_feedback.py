"""What students read: their mistakes by name, and nothing that is hidden."""

from __future__ import annotations

import re

import pytest
import torch

from autograder import cases, examine
from autograder.checking import _hidden_seed
from autograder.exercises import load

pytestmark = pytest.mark.nbgrader


def test_feedback_names_the_mistake_and_the_points(graded):
    feedback = graded.feedback("mixed")
    assert "LOOKS LIKE   divides by the scale" in feedback
    assert "had not finished after 5 s" in feedback
    assert "SyntaxError" in feedback
    assert "NOTE         It caused a warning: DeprecationWarning: this is deprecated" in feedback
    assert "infonce.recall_at_k · not yet" in feedback
    assert "infonce.clip_loss · passed" in feedback


@pytest.mark.parametrize("student", ["untouched", "mixed"])
def test_feedback_shows_no_answer_but_the_students_own(graded, student):
    feedback = graded.feedback(student)
    submitted = graded.notebook("submitted", student).cells
    own = {line.strip() for cell in submitted for line in cell.source.splitlines()}
    answers = {name: source.splitlines() for name, source in graded.answers().items()}
    telling = {line.strip() for lines in answers.values() for line in lines if len(line.strip()) > 25}
    assert len(telling - own) > 5
    assert not (telling - own) & {line.strip() for line in feedback.splitlines()}


def test_tracebacks_show_only_the_check(graded):
    """An answer that cannot be read leaves its check with a NameError, which quotes the check's own cell."""
    cells = graded.notebook("autograded", "mixed").cells
    (cell,) = [cell for cell in cells if cell.id == "check-normalize_grad"]
    (error,) = [output for output in cell.outputs if output.output_type == "error"]
    assert error.ename == "NameError"
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))
    assert 'check("infonce.normalize_grad", normalize_grad)' in text
    assert "autograder/" not in text


def test_experiments_are_skipped(graded):
    tagged = [
        cell
        for cell in graded.notebook("autograded", "perfect").cells
        if "experiment" in cell.metadata.get("tags", [])
    ]
    assert tagged
    assert all(cell.execution_count is None and not cell.outputs for cell in tagged)


def test_grading_records_no_progress(graded):
    assert not list(graded.home.rglob("*.sqlite"))


def test_hidden_cases_find_what_was_memorised(graded):
    assert graded.points("memorised") == graded.points("perfect") | {"clip_loss": 0.0}
    assert "A case that is not shown fails, in the group “value”." in graded.feedback("memorised")


def test_hidden_cases_stay_hidden(graded, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    monkeypatch.setenv("COURSE_SEED", graded.seed)
    feedback = graded.feedback("memorised")
    assert graded.seed not in feedback
    assert str(_hidden_seed()) not in feedback
    # The answer put its hidden inputs into an error, a warning and print: the verdict repeats no number.
    assert not re.findall(r"\d\.\d{2,}", graded.verdicts("memorised")["clip_loss"])
    for case in cases(load("infonce.clip_loss"), _hidden_seed(), hidden=True):
        for features in (case.inputs["image_features"], case.inputs["text_features"]):
            for value in features.flat:
                assert f"{abs(value):.6g}" not in feedback


def test_without_hidden_cases_what_was_memorised_passes(memorised):
    namespace = {"torch": torch}
    exec(memorised, namespace)
    assert examine("infonce.clip_loss", namespace["clip_loss"]).passed
