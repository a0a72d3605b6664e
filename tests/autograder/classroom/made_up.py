"""Results that nobody had to compute."""

from __future__ import annotations

from autograder.classroom.assignment import Assignment
from autograder.classroom.outcome import CellGrade, NotebookOutcome, Outcome
from autograder.classroom.task import Result

POINTS = 3


def made_up(
    assignment: Assignment, student: str, score: float | None = POINTS, *, digest: str = "d"
) -> Result:
    """A result that nobody had to compute: every cell has the same score."""
    notebooks = [
        NotebookOutcome(
            name=spec.name,
            graded=True,
            grades=[
                CellGrade(
                    grade_id=cell.grade_id,
                    points=cell.points,
                    score=None if cell.cell_type == "markdown" else score,
                )
                for cell in spec.cells
                if cell.grade
            ],
            comments={cell.grade_id: None for cell in spec.cells if cell.solution or cell.task},
        )
        for spec in assignment.notebooks
    ]
    outcome = Outcome(
        student=student, assignment=assignment.name, status="graded", digest=digest, notebooks=notebooks
    )
    return Result(outcome, {f"{spec.name}.ipynb": b"{}" for spec in assignment.notebooks})
