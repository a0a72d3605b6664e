"""Days as they would go."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from drills.scheduling.memory import Memory, answered
from drills.scheduling.schedule import Schedule
from drills.steps import Rating

DAY = timedelta(days=1)
Choose = Callable[[Schedule, date], Iterable[str]]
Answer = Callable[[Memory | None, str, date], Rating]


@dataclass(frozen=True)
class Rehearsed:
    """A day as it would go: its cards in order, and the schedule before and after them."""

    day: date
    cards: tuple[str, ...]
    before: Schedule
    after: Schedule


def rehearse(schedule: Schedule, first: date, days: int, choose: Choose, answer: Answer) -> list[Rehearsed]:
    """Go through some days: which cards would come, if they were answered like this?

    Parameters
    ----------
    choose : callable
        (schedule, day) → the cards of that day.
    answer : callable
        (what is known of the card or None, its id, day) → the rating.
    """
    done = []
    for number in range(days):
        day = first + number * DAY
        cards = tuple(choose(schedule, day))
        known = dict(schedule.known)
        for card in cards:
            before = known.get(card)
            known[card] = answered(before, card, answer(before, card, day), day)
        after = replace(schedule, known=known)
        done.append(Rehearsed(day, cards, schedule, after))
        schedule = after
    return done
