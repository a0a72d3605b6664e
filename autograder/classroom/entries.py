"""What the ledger gives back: a submission as it stands, and every grading that it had."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from autograder.classroom.outcome import Outcome, Problem

State = Literal["graded", "merged"]


@dataclass(frozen=True)
class Entry:
    """One row without its files.

    Attributes
    ----------
    versions : dict of str to str
        The exercises' digests when it was graded.
    refused : str or None
        Why the gradebook did not take it, the last time.
    """

    student: str
    digest: str
    versions: dict[str, str]
    limits: dict[str, Any]
    outcome: Outcome
    refused: str | None
    state: State
    at_utc: datetime

    @property
    def shown(self) -> Outcome:
        """The outcome as it is to be told: what is not in the gradebook is not *graded*."""
        if self.refused is None:
            return self.outcome
        return refused(self.outcome, self.refused)


@dataclass(frozen=True)
class Verdicts:
    """What one grading gave: a line of a submission's history; ``scores`` by notebook and cell."""

    student: str
    at_utc: datetime
    digest: str
    versions: dict[str, str] = field(default_factory=dict)
    status: str = ""
    score: float = 0.0
    scores: dict[str, dict[str, float | None]] = field(default_factory=dict)


def refused(outcome: Outcome, reason: str) -> Outcome:
    """The outcome of a submission that was graded but not taken by the gradebook."""
    text = f"Graded, but {reason}. The result is kept in the ledger: the next run enters it without grading."
    problems = [*outcome.problems, Problem(kind="grader_failed", text=text)]
    return outcome.model_copy(update={"status": "could not be graded", "problems": problems})
