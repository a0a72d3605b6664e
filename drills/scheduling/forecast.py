"""How many cards will come due, day by day."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta

from drills import clock
from drills.scheduling.memory import answered
from drills.scheduling.schedule import Moment, Schedule
from drills.steps import Rating

FAINT = 0.01  # below this, only one of two branches is followed


@dataclass(frozen=True)
class Expected:
    """A day as FSRS expects it, if every card is answered on the day it is due.

    Parameters
    ----------
    day : date
    due : float
        Cards, with those that come again because they were forgotten.
    minutes : float
        What they take.
    forgotten : float
        How many of them will not be known.
    """

    day: date
    due: float
    minutes: float
    forgotten: float


def forecast(schedule: Schedule, now: Moment, days: int) -> list[Expected]:
    """What FSRS expects of the next days, today included, without new cards.

    Each card is followed along both branches, remembered and forgotten, with FSRS's own chances. Where a
    branch gets faint, one of the two is drawn and stands for both: sums stay right on average, and the same
    schedule always gives the same forecast. Days of the last round before an interview are dealt out anew
    each day, and here once: its sum is right, its single days may be off by a third.
    """
    draw = random.Random(0).random
    today = clock.day(now)
    begins, latest = schedule.last_round(today)
    due, minutes, forgotten = [0.0] * days, [0.0] * days, [0.0] * days
    branches = [(schedule.known[card], day, 1.0) for card, day in schedule.due_days(today).items()]
    while branches:
        memory, day, chance = branches.pop()
        place = (day - today).days
        if place >= days:
            continue
        lost = 1 - memory.retrievability(day)
        due[place] += chance
        minutes[place] += chance * schedule.minutes_of(memory.card)
        forgotten[place] += chance * lost
        outcomes = [(Rating.GOOD, 1 - lost), (Rating.AGAIN, lost)]
        if chance * lost < FAINT:
            outcomes = [(Rating.AGAIN if draw() < lost else Rating.GOOD, 1.0)]
        for rating, share in outcomes:
            after = answered(memory, memory.card, rating, day)
            again = max(after.due, day + timedelta(days=1))
            if day < begins:  # the last round is still to come
                again = min(again, latest.get(memory.card, again))
            branches.append((after, again, chance * share))
    return [
        Expected(today + timedelta(days=place), *found)
        for place, found in enumerate(zip(due, minutes, forgotten, strict=True))
    ]
