"""What became of a submission: scores, what went wrong, what it took. The schema of ledger and reports."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

SCHEMA = 1  # raise it when a field changes its meaning

#: A submission's end. Never a silent 0.
Status = Literal["graded", "graded with problems", "could not be graded"]

#: What can go wrong, or needs saying. `NOTES` are said, but are not the student's problem.
ProblemKind = Literal[
    "missing_notebook",
    "unknown_notebook",
    "unreadable",
    "too_large",
    "refused_file",
    "restored_cell",
    "duplicate_cell",
    "edited_cell",
    "foreign_cell",
    "moved_cell",
    "timed_out",
    "memory",
    "processes",
    "crashed",
    "output_cut",
    "protocol",
    "grader_failed",
    "self_reported",
    "kernel",
    "retried",
]
NOTES = frozenset({"self_reported", "kernel", "retried", "edited_cell", "refused_file"})


class Problem(BaseModel):
    """One thing to tell the instructor: what happened, in which notebook and cell."""

    kind: ProblemKind
    text: str
    notebook: str | None = None
    cell: str | None = None

    @property
    def note(self) -> bool:
        """Whether it is worth saying, but nothing went wrong."""
        return self.kind in NOTES


class CellGrade(BaseModel):
    """One graded cell.

    Attributes
    ----------
    score : float or None
        None where a person has to grade.
    exercise, version : str or None
        What was judged, and the digest of the exercise at that time.
    verdict : dict or None
        `Verdict.to_json()` of the public cases: what the student reads.
    hidden_failed : bool
        Whether hidden cases cost points that the public ones gave.
    self_reported : bool
        The score was read from the notebook's own outputs (plain asserts): nbgrader's rule, no fence.
    """

    grade_id: str
    points: float
    score: float | None
    exercise: str | None = None
    version: str | None = None
    verdict: dict[str, Any] | None = None
    hidden_failed: bool = False
    self_reported: bool = False


class NotebookOutcome(BaseModel):
    """One notebook of a submission.

    Attributes
    ----------
    comments : dict of str to (str or None)
        nbgrader's automatic comment for each solution and task cell: ``"No response."`` or None.
    cpu_seconds : float
        CPU time of the student's cells and of everything that they started.
    judging_seconds : float
        CPU time for observing and judging the answers.
    """

    name: str
    graded: bool
    grades: list[CellGrade] = Field(default_factory=list)
    comments: dict[str, str | None] = Field(default_factory=dict)
    cpu_seconds: float = 0.0
    judging_seconds: float = 0.0


class Outcome(BaseModel):
    """One submission.

    Attributes
    ----------
    digest : str
        Of the submitted files: with ``versions`` it says whether grading again could change anything.
    timestamp : str or None
        When it was handed in, as nbgrader's timestamp.txt says.
    wall_seconds : float
        How long grading took.
    alone : bool
        Whether it ran into the wall clock and is to be tried once more, alone.
    """

    schema_number: int = SCHEMA
    student: str
    assignment: str
    status: Status
    digest: str = ""
    timestamp: str | None = None
    notebooks: list[NotebookOutcome] = Field(default_factory=list)
    problems: list[Problem] = Field(default_factory=list)
    wall_seconds: float = 0.0
    alone: bool = False

    @property
    def score(self) -> float:
        """What the program gave, in all."""
        return sum(grade.score or 0.0 for notebook in self.notebooks for grade in notebook.grades)


def status_of(problems: list[Problem]) -> Status:
    """*graded*, or *graded with problems* if anything but notes is to be said."""
    return "graded" if all(problem.note for problem in problems) else "graded with problems"
