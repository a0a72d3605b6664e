"""Each day's cards and exercises until an interview."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from autograder.progress.standing import Item, Lesson
from drills.planning import diagnostic
from drills.planning.exercises import NEAR, Share, weakest_first
from drills.planning.words import counted, too_few_minutes
from drills.scheduling import Memory, Schedule, rehearse
from drills.steps import Rating

FARTHEST = 366  # days
FEWEST, MOST = 5, 600  # minutes of a day
NEW = 0.6  # the chance to know a card that was never seen
LONGER = (1.25, 1.5, 2.0, 3.0)


class PlanError(ValueError):
    """No plan can be laid; the message says why, and what to do."""


@dataclass(frozen=True)
class Day:
    """One day of a plan.

    Parameters
    ----------
    day : date
    cards : tuple of str
        In the order in which they are likely to come.
    again : int
        How many of them were answered before.
    minutes : mapping of str to float
        What the cards take, by topic.
    exercises : tuple of Item
        To be solved in their lessons.
    diagnostic : float
        Minutes of the diagnostic; 0 on all days but a learner's first.
    """

    day: date
    cards: tuple[str, ...]
    again: int
    minutes: Mapping[str, float]
    exercises: tuple[Item, ...]
    diagnostic: float = 0.0

    @property
    def total(self) -> float:
        """All minutes of the day."""
        return sum(self.minutes.values()) + sum(item.minutes for item in self.exercises) + self.diagnostic


@dataclass(frozen=True)
class Plan:
    """A plan from today to the day before the interview.

    Parameters
    ----------
    interview : date
    days : tuple of Day
    unseen : tuple of str
        Cards for which there is no time.
    unsolved : tuple of Item
        Core exercises for which there is none.
    known : float
        The expected share of the deck that is remembered at the interview.
    notes : tuple of str
        Sentences about the plan.
    """

    interview: date
    days: tuple[Day, ...]
    unseen: tuple[str, ...]
    unsolved: tuple[Item, ...]
    known: float
    notes: tuple[str, ...]


def plan(
    schedule: Schedule,
    lessons: Sequence[Lesson],
    today: date,
    interview: date,
    minutes: float,
    drilled: Iterable[date] = (),
    planned: date | None = None,
) -> Plan:
    """Lay a plan; asked again on another day, it starts from what was really done until then.

    The cards of a day are those that `Schedule.queue` would give, if every card were remembered with FSRS's
    own chance (drawn from card and day, so that the same state gives the same plan), and a new one in three
    of five cases. A third of the minutes go to core exercises that are not solved yet, those of the weakest
    lessons first, until the last fifth of the days; if an interview is at most two days ahead, none.

    Parameters
    ----------
    schedule : Schedule
        What is known; its own interview and minutes are not looked at.
    lessons : sequence of Lesson
        `autograder.progress.standing.lessons()`.
    today, interview : date
    minutes : float
        Of a day.
    drilled : iterable of date
        The days on which there was a review.
    planned : date, optional
        When a plan was laid first: days without a review since then are said to be missed.

    Raises
    ------
    PlanError
        If the date is past, today or more than a year ahead, or the minutes are no number to plan with.
    """
    _check(today, interview, minutes)
    found = _laid(schedule, lessons, today, interview, minutes)
    notes = [*_missed(today, drilled, planned), *_short(schedule, lessons, today, interview, minutes, found)]
    return Plan(interview, *found, tuple(notes))


Laid = tuple[tuple[Day, ...], tuple[str, ...], tuple[Item, ...], float]


def _laid(
    schedule: Schedule, lessons: Sequence[Lesson], today: date, interview: date, minutes: float
) -> Laid:
    schedule = Schedule(schedule.deck, schedule.known, interview, minutes, schedule.events)
    days = (interview - today).days
    share = Share(weakest_first(schedule, lessons, today), minutes, days)
    first = min(diagnostic.MINUTES, minutes) if not schedule.known else 0.0
    exercises: dict[date, tuple[Item, ...]] = {}

    def choose(now: Schedule, day: date) -> Sequence[str]:
        spent = first if day == today else 0.0
        exercises[day] = share.of((day - today).days, minutes - spent)
        left = minutes - spent - sum(item.minutes for item in exercises[day])
        return now.queue(left, day) if left >= 1 else ()

    made, cards_left, chance = [], set(schedule.deck.cards), 0.0
    for one in rehearse(schedule, today, days, choose, _answer):
        taken: dict[str, float] = {}
        for card in one.cards:
            topic = schedule.deck.cards[card].topic
            taken[topic] = taken.get(topic, 0.0) + one.before.minutes_of(card)
        again = sum(card in one.before.known for card in one.cards)
        made.append(
            Day(one.day, one.cards, again, taken, exercises[one.day], first if one.day == today else 0.0)
        )
        cards_left = set(schedule.deck.cards) - set(one.after.known)
        chance = sum(one.after.retrievability(card, interview) for card in schedule.deck.cards)
    unseen = tuple(card for card in schedule.deck.cards if card in cards_left)
    return tuple(made), unseen, tuple(share.left), chance / max(len(schedule.deck.cards), 1)


def _answer(memory: Memory | None, card: str, day: date) -> Rating:
    chance = memory.retrievability(day) if memory else NEW
    drawn = zlib.crc32(f"{card} {day.isoformat()}".encode()) / 2**32
    return Rating.GOOD if drawn < chance else Rating.AGAIN


def _check(today: date, interview: date, minutes: float) -> None:
    ahead = (interview - today).days
    if ahead < 0:
        raise PlanError(
            f"{interview} is past (today is {today}). Give a date that lies ahead, or drill without one."
        )
    if ahead == 0:
        raise PlanError(
            "The interview is today: there is no day left to plan. `course drill` brings what you know least."
        )
    if ahead > FARTHEST:
        raise PlanError(
            f"{interview} is {ahead} days ahead, and a plan covers a year. Drill without a date until then."
        )
    if not FEWEST <= minutes <= MOST:
        raise PlanError(f"A day should have {FEWEST} to {MOST} minutes to plan with; got {minutes:g}.")


def _missed(today: date, drilled: Iterable[date], planned: date | None) -> Iterable[str]:
    if planned and planned < today:
        days = {planned + timedelta(days=n) for n in range((today - planned).days)}
        missed = len(days - set(drilled))
        if missed:
            yield (
                f"You drilled on {len(days) - missed} of the {counted(len(days), 'day')} since {planned}: "
                "this plan starts from where you are."
            )


def _short(
    schedule: Schedule, lessons: Sequence[Lesson], today: date, interview: date, minutes: float, laid: Laid
) -> Iterable[str]:
    days, unseen, unsolved, _ = laid
    if unseen:
        longer = (minutes * factor for factor in LONGER if minutes * factor <= MOST)
        enough = next(
            (more for more in longer if not _laid(schedule, lessons, today, interview, more)[1]), None
        )
        yield too_few_minutes(minutes, len(unseen), len(schedule.deck.cards), enough)
    if len(days) <= NEAR:
        yield f"{counted(len(days), 'day')} left: the plan keeps to cards and leaves the lessons aside."
    elif unsolved:
        yield f"{counted(len(unsolved), 'core exercise')} must wait: those of the weakest lessons come first."
