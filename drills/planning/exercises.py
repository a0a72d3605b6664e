"""Which core exercises of the lessons come on which day of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from autograder.progress.standing import Item, Lesson
from drills.scheduling import Schedule
from drills.skills import evidence

PART = 1 / 3  # of a day's minutes
CARDS_ONLY = 0.2  # of the days, before the interview
NEAR = 2  # days


def weakest_first(schedule: Schedule, lessons: Sequence[Lesson], today: date) -> list[Item]:
    """The core exercises that are not solved, those of the weakest lesson first, each lesson in its order.

    How strong a lesson is, the cards of its topics say, and its own exercises; nothing known is weakest,
    and of two that are equal the earlier comes first.
    """
    shown = evidence(schedule.known, schedule.events, today)
    ids: dict[str, list[str]] = {lesson.name: [item.id for item in lesson.core] for lesson in lessons}
    for topic in schedule.deck.topics:
        if topic.lesson in ids:
            ids[topic.lesson] += [card.id for card in topic.cards]

    def strength(lesson: Lesson) -> float:
        values = [shown[one] for one in ids[lesson.name] if one in shown]
        return sum(values) / (len(values) + 1)

    return [item for lesson in sorted(lessons, key=strength) for item in lesson.open]


class Share:
    """Deals exercises out to days.

    Parameters
    ----------
    waiting : sequence of Item
        In the order in which they should come.
    minutes : float
        Of a day, for cards and exercises.
    days : int
        Of the plan.
    """

    def __init__(self, waiting: Sequence[Item], minutes: float, days: int) -> None:
        self.left = list(waiting)
        self._each = minutes * PART
        self._until = 0 if days <= NEAR else days - max(1, round(days * CARDS_ONLY))
        self._saved = 0.0

    def of(self, place: int, room: float) -> tuple[Item, ...]:
        """The exercises of a day.

        What one day has too little for is saved up for the next: an exercise is not cut in two.

        Parameters
        ----------
        place : int
            Of the day, from 0.
        room : float
            What there is of that day's minutes.
        """
        if place >= self._until:
            return ()
        self._saved += self._each
        dealt: list[Item] = []
        while self.left and self.left[0].minutes <= min(self._saved, room):
            item = self.left.pop(0)
            dealt.append(item)
            self._saved -= item.minutes
            room -= item.minutes
        return tuple(dealt)
