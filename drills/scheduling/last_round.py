"""The days before an interview: when each card is seen for the last time.

The rule. The last round ends two days before the interview. It is as long as it takes to go through every
card that is known, with three fifths of each day's minutes (the rest is for what is forgotten on the way),
and at most two weeks. Each card has its day in it: the weakest, that is those with the smallest chance to be
remembered at the interview, on the last days, the strongest first. No card is due later than its day in the
last round. Once it was seen in the last round, it comes again only if without that its chance to be
remembered at the interview would be below 90 %, and then by the day before the interview: that day is for
what is still weak, and for what found no room before.

So before an interview every card is due at latest on the day before it, but for those that were just seen
and will be remembered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date, timedelta

from drills.scheduling.memory import RETENTION, Memory

SHARE = 0.6  # of the minutes of a day
LONGEST = 14  # days
DAY = timedelta(days=1)


def first_day(
    known: Iterable[Memory], minutes_of: Callable[[str], float], interview: date, minutes: float
) -> date:
    """The first day of the last round."""
    total = sum(minutes_of(memory.card) for memory in known)
    days = math.ceil(total / _capacity(minutes)) + 1  # the last is for what is weak
    return interview - min(days, LONGEST) * DAY


def latest_days(
    known: Iterable[Memory],
    minutes_of: Callable[[str], float],
    interview: date,
    minutes: float,
    today: date,
) -> dict[str, date]:
    """The day by which each card has to be seen; none for a card that may wait until after the interview.

    Parameters
    ----------
    known : iterable of Memory
    minutes_of : callable
        What a card takes.
    interview : date
        After today.
    minutes : float
        Of a day.
    today : date
    """
    known = list(known)
    begins = first_day(known, minutes_of, interview, minutes)
    chance = {memory.card: memory.retrievability(interview) for memory in known}
    days: dict[str, date] = {}
    unseen = []
    for memory in known:
        if not begins <= memory.last <= today:
            unseen.append(memory)
        elif chance[memory.card] < RETENTION:
            days[memory.card] = interview - DAY
    left = (interview - max(begins, today)).days
    last = interview - min(left, 2) * DAY
    spent = 0.0
    # From its last day backwards; what finds no room in any day is spread over all of them once more.
    for memory in sorted(unseen, key=lambda memory: (chance[memory.card], memory.card)):
        full = int(spent / _capacity(minutes))
        days[memory.card] = last - full % max(left - 1, 1) * DAY
        spent += minutes_of(memory.card)
    return days


def _capacity(minutes: float) -> float:
    return max(SHARE * minutes, 1.0)  # a minute at least: days are divided by it
