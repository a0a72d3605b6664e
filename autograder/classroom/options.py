"""What the instructor asks of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
    db_url : str, optional
        A gradebook other than the configured one.
    """

    students: Sequence[str] = ()
    regrade: bool = False
    unsafe: bool = False
    limits: Limits = field(default_factory=Limits)
    db_url: str | None = None
