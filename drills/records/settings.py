"""What a learner decided once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Settings:
    """What a learner decided once.

    Parameters
    ----------
    interview : date, optional
    minutes : float
        A day, for cards and exercises.
    planned : date, optional
        When the plan was laid.
    """

    interview: date | None = None
    minutes: float = 30
    planned: date | None = None
