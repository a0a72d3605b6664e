"""What this learner has tried, solved and met: the only opener of progress.sqlite."""

from autograder.progress.event import Event
from autograder.progress.location import location
from autograder.progress.records import (
    ExerciseSummary,
    best_credit,
    events,
    hints_taken,
    record_attempt,
    record_hint,
    record_solution,
    summary,
)

__all__ = [
    "Event",
    "ExerciseSummary",
    "best_credit",
    "events",
    "hints_taken",
    "location",
    "record_attempt",
    "record_hint",
    "record_solution",
    "summary",
]
