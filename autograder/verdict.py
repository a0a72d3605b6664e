"""A verdict: what a judged answer earned, and what the learner reads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from autograder.case import Case

SCHEMA = 1  # of to_json(); raise it when a field changes its meaning

PROBLEMS = (
    "own_work",
    "unattempted",
    "raised",
    "slow",
    "type",
    "mutated",
    "shape",
    "dtype",
    "nonfinite",
    "wrong",
)


@dataclass(frozen=True)
class Check:
    """One array of one case: the smallest thing that can pass or fail."""

    case: Case
    name: str
    group: str
    problem: str | None


@dataclass(frozen=True)
class GroupResult:
    """How one group of points went."""

    name: str
    points: float
    earned: float
    checks: int
    checks_passed: int
    complete: bool


@dataclass(frozen=True)
class Verdict:
    """What a judged answer earned, and what the learner reads.

    Parameters
    ----------
    exercise : str
        Its id.
    passed : bool
        Whether every check passed and nothing stands against the answer.
    credit, points : float
        Earned, and possible.
    groups : tuple of GroupResult
        The same by group.
    problem : str or None
        One of `PROBLEMS`: the first thing that went wrong.
    misconceptions : tuple of str
        The ids of the mistakes that reproduce the answer's numbers: none, one, or two together.
    text : str
        The words, at most about eight lines, never holding the solution.
    """

    exercise: str
    passed: bool
    credit: float
    points: float
    groups: tuple[GroupResult, ...]
    problem: str | None
    misconceptions: tuple[str, ...]
    text: str

    @property
    def misconception(self) -> str | None:
        """The mistake that reproduces the answer's numbers, if one does; two are joined by ``+``."""
        return "+".join(self.misconceptions) or None

    @property
    def checks(self) -> int:
        """How many checks there were."""
        return sum(group.checks for group in self.groups)

    @property
    def checks_passed(self) -> int:
        """How many checks passed."""
        return sum(group.checks_passed for group in self.groups)

    def to_json(self) -> dict[str, Any]:
        """The verdict as JSON values, with a schema number."""
        return {"schema": SCHEMA, **asdict(self), "misconception": self.misconception}

    def __str__(self) -> str:
        return self.text
