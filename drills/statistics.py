"""Figures of a learner's drills: is what FSRS predicts what happens, and does the learner know it?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import sqrt

from drills import clock
from drills.asking import Outcome
from drills.records import Review
from drills.scheduling import Expected, Memory, Schedule, forecast
from drills.scheduling.memory import reviewed
from drills.scheduling.schedule import Moment
from drills.skills import Mastery, mastery

WEEK = 7.0  # days of stability: below it a card is being learned
MATURE = 21.0
STATES = ("new", "learning", "young", "mature")


@dataclass(frozen=True)
class Retention:
    """How many repetitions were known, and how many FSRS predicted.

    Parameters
    ----------
    repetitions : int
        Reviews of cards that were answered on an earlier day.
    predicted : float
        The mean of FSRS's chances, 0 to 1.
    measured : float
        The share that was known.
    error : float
        The standard error that the measured share would have if the chances were right.
    """

    repetitions: int
    predicted: float
    measured: float
    error: float


@dataclass(frozen=True)
class Confidence:
    """What was known of the answers about which the learner was equally sure."""

    said: float
    answers: int
    right: float


@dataclass(frozen=True)
class Statistics:
    """Figures of a learner's drills.

    Parameters
    ----------
    reviews : int
    days : int
        On which there was a review.
    streak : int
        Days in a row with a review, up to today or yesterday.
    minutes : float
        All answers together.
    overridden : int
        Ratings that the learner changed.
    states : mapping of str to int
        Cards by state: new; learning, with a stability below a week; young, below three; mature.
    retention : Retention or None
        None before the first repetition.
    calibration : tuple of Confidence
        By what was said, rising.
    forecast : tuple of Expected
        Today and the days after it.
    skills : tuple of Mastery
        Those that were asked at all, the weakest first.
    """

    reviews: int
    days: int
    streak: int
    minutes: float
    overridden: int
    states: dict[str, int]
    retention: Retention | None
    calibration: tuple[Confidence, ...]
    forecast: tuple[Expected, ...]
    skills: tuple[Mastery, ...]


def statistics(schedule: Schedule, reviews: Sequence[Review], now: Moment, days: int = 30) -> Statistics:
    """All figures.

    Parameters
    ----------
    schedule : Schedule
    reviews : sequence of Review
        In the order in which they were written.
    now : datetime or date
    days : int
        How far the forecast goes.
    """
    today = clock.day(now)
    found = mastery(schedule.deck, schedule.known, schedule.events, today)
    return Statistics(
        reviews=len(reviews),
        days=len({review.day for review in reviews}),
        streak=_streak(reviews, now),
        minutes=sum(review.seconds for review in reviews) / 60,
        overridden=sum(review.overridden for review in reviews),
        states=states(schedule),
        retention=retention(reviews),
        calibration=calibration(reviews),
        forecast=tuple(forecast(schedule, now, days)),
        skills=tuple(skill for skill in found if skill.asked),
    )


def states(schedule: Schedule) -> dict[str, int]:
    """The cards of the deck by state."""
    counted = Counter(state_of(schedule.known.get(card)) for card in schedule.deck.cards)
    return {state: counted[state] for state in STATES}


def state_of(memory: Memory | None) -> str:
    """One of `STATES`."""
    if memory is None:
        return "new"
    return "learning" if memory.stability < WEEK else "young" if memory.stability < MATURE else "mature"


def retention(reviews: Iterable[Review]) -> Retention | None:
    """What was known of the repetitions, and what FSRS predicted before each of them."""
    known: dict[str, Memory] = {}
    chances: list[float] = []
    right = 0
    for review in reviews:
        before = known.get(review.card)
        if before and review.day > before.last:
            chances.append(before.retrievability(review.day))
            right += review.right
        known[review.card] = reviewed(before, review)
    if not chances:
        return None
    count = len(chances)
    error = sqrt(sum(chance * (1 - chance) for chance in chances)) / count
    return Retention(count, sum(chances) / count, right / count, error)


def calibration(reviews: Iterable[Review | Outcome]) -> tuple[Confidence, ...]:
    """How often the learner was right, by how sure he was before.

    What the rubric gave counts, whatever the learner made of it.
    """
    by_level: dict[float, list[bool]] = {}
    for review in reviews:
        if review.confidence is not None and review.computed is not None:
            by_level.setdefault(review.confidence, []).append(review.computed > 1)
    return tuple(
        Confidence(said, len(right), sum(right) / len(right)) for said, right in sorted(by_level.items())
    )


def _streak(reviews: Iterable[Review], now: Moment) -> int:
    drilled = {review.day for review in reviews}
    day = clock.day(now)
    if day not in drilled:
        day -= timedelta(days=1)  # today is not over
    length = 0
    while day in drilled:
        length, day = length + 1, day - timedelta(days=1)
    return length
