"""One submission as a task for any executor: bytes in, scores and notebooks out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from autograder.classroom.assignment import Assignment
from autograder.classroom.outcome import Outcome, Problem

LEAST_WALL_SECONDS = 30.0  # a busy machine may keep a short cell waiting for so long


@dataclass(frozen=True)
class Limits:
    """What one notebook may take. Time is CPU time of everything that it starts.

    Parameters
    ----------
    cell_seconds : float
        CPU seconds of one cell; nbgrader counts wall time.
    notebook_seconds : float
        CPU seconds of all its cells together.
    wall_seconds : float
        Wall seconds of one cell: a generous backstop for code that waits.
    memory_bytes : int
        Of all its processes together, shared memory included.
    work_bytes, shared_bytes : int
        The sizes of its work folder and of /dev/shm.
    processes : int
        How many processes and threads it may have at once.
    output_bytes : int
        What one cell may show.
    """

    cell_seconds: float = 120.0
    notebook_seconds: float = 900.0
    wall_seconds: float = 360.0
    memory_bytes: int = 2 << 30
    work_bytes: int = 256 << 20
    shared_bytes: int = 256 << 20
    processes: int = 128
    output_bytes: int = 2 << 20

    @classmethod
    def of_cell(cls, seconds: float | None) -> Self:
        """The usual limits, with another one for a cell; None leaves it as it is."""
        if seconds is None:
            return cls()
        return cls(cell_seconds=seconds, wall_seconds=max(3 * seconds, LEAST_WALL_SECONDS))


@dataclass(frozen=True)
class Submission:
    """What a student handed in, read once and safely.

    Parameters
    ----------
    student, assignment : str
    files : dict of str to bytes
        By relative path: the notebooks, and what lies beside them.
    problems : list of Problem
        What could not be read, or was refused.
    timestamp : str or None
        The content of nbgrader's timestamp.txt.
    digest : str
        Of names and contents of all files.
    """

    student: str
    assignment: str
    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    timestamp: str | None = None
    digest: str = ""


@dataclass(frozen=True)
class Task:
    """A submission with all that is needed to grade it anywhere.

    Parameters
    ----------
    key : bytes
        HMAC of the class's secret and the student: hidden cases are derived from it. Empty: none are put.
    unsafe : bool
        Grade even where a layer of isolation is missing.
    """

    submission: Submission
    assignment: Assignment
    key: bytes = b""
    limits: Limits = field(default_factory=Limits)
    unsafe: bool = False


@dataclass(frozen=True)
class Result:
    """What a task gives back: the outcome, and the autograded notebooks (and files beside them) by path."""

    outcome: Outcome
    files: dict[str, bytes] = field(default_factory=dict)
