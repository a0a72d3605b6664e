"""Which card when: FSRS for every card, held back by the day of an interview."""

from drills.scheduling.forecast import Expected, forecast
from drills.scheduling.memory import Memory, memories
from drills.scheduling.rehearsal import Rehearsed, rehearse
from drills.scheduling.schedule import Schedule

__all__ = ["Expected", "Memory", "Rehearsed", "Schedule", "forecast", "memories", "rehearse"]
