"""What the instructor asks of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autograder.classroom.assignment import Assignment
from autograder.classroom.task import Limits


@dataclass(frozen=True)
class Options:
    """What the instructor asks for.

    Parameters
    ----------
    students : sequence of str
        Only these; none means all who handed something in.
    regrade : bool
        Grade again what is finished; manual marks stay.
    limits : Limits, optional
        By default the usual ones, with the limit of a cell that the course's configuration sets.
    db_url : str, optional
        A gradebook other than the configured one.
    """

    students: Sequence[str] = ()
    regrade: bool = False
    unsafe: bool = False
    limits: Limits | None = None
    db_url: str | None = None

    def limits_for(self, assignment: Assignment) -> Limits:
        """What each notebook of an assignment may take."""
        return self.limits or Limits.of_cell(assignment.cell_seconds)
