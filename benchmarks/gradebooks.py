"""Scores as a gradebook of nbgrader's holds them."""

from __future__ import annotations

from pathlib import Path

from nbgrader.api import Gradebook


def scores(path: Path, assignment: str) -> dict[str, dict[str, float | None]]:
    """What the program gave for each graded cell, by student and grade id, to the last digit."""
    with Gradebook(f"sqlite:///{path}") as gradebook:
        return {
            submission.student.id: {
                grade.name: grade.auto_score for notebook in submission.notebooks for grade in notebook.grades
            }
            for submission in gradebook.assignment_submissions(assignment)
        }
