"""Today's cards, for every face: going on where one was cut off, or beginning with what is due."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta

from drills import clock, sittings
from drills.deck import Deck
from drills.planning.words import counted
from drills.records import Records, Sitting
from drills.scheduling import Schedule

KIND = "drill"


class DrillError(Exception):
    """What was asked for is not there; the message is a sentence."""


def sitting(
    deck: Deck,
    records: Records,
    minutes: float | None = None,
    topics: Collection[str] = (),
    card: str | None = None,
    new: int | None = None,
) -> Sitting | None:
    """The sitting to hold now; None if nothing is due.

    One that was cut off goes on if it has the cards that are asked for, and is of today, or was cut off
    within a card. The rest of an earlier day is left: what it did not ask is due or new as before, and today
    has its own order.

    Parameters
    ----------
    deck : Deck
    records : Records
    minutes : float, optional
        How long it should take; by default as long as the learner set.
    topics : collection of str
        Only their cards; by default those of all topics.
    card : str, optional
        Only this card, whether it is due or not.
    new : int, optional
        At most so many cards that were never answered.

    Raises
    ------
    DrillError
        If there is no such card or topic.
    """
    must_exist("topic", topics, [topic.topic for topic in deck.topics])
    must_exist("card", [card] if card else [], deck.cards)

    _leave_earlier_days(records)

    def fits(cut_off: Sitting) -> bool:
        if card:
            return cut_off.queue == (card,)
        return not topics or {id.partition(".")[0] for id in cut_off.queue} <= set(topics)

    if found := sittings.pick_up(records, KIND, fits):
        return found
    queue = (card,) if card else _queue(deck, records, minutes, topics, new)
    return sittings.begin(records, KIND, queue) if queue else None


def going_on(begun: datetime) -> str:
    """What is said when a sitting goes on that was begun then."""
    return f"Going on with the cards of {begun.astimezone():%d %B, %H:%M}."


def ahead(schedule: Schedule, now: datetime) -> str:
    """What is still due today, if anything, and what comes tomorrow."""
    today = clock.day(now)
    days = schedule.due_days(now)

    def due(on: date) -> str:
        cards = [card for card, day in days.items() if day == on]
        takes = max(1, round(sum(map(schedule.minutes_of, cards))))
        return f"{counted(len(cards), 'card')} again, about {counted(takes, 'minute')}" if cards else ""

    still, tomorrow = due(today), due(today + timedelta(days=1))
    return (f"Due today: {still}. " if still else "") + f"Tomorrow: {tomorrow or 'no card again'}."


def must_exist(what: str, named: Iterable[str], known: Iterable[str]) -> None:
    """Say what is not there, and what is like it.

    Raises
    ------
    DrillError
        If something that was named is not known.
    """
    there = list(known)
    for one in named:
        if one not in there:
            near = difflib.get_close_matches(one, there, n=1)
            raise DrillError(f"There is no {what} {one!r}." + (f" Did you mean {near[0]!r}?" if near else ""))


def _leave_earlier_days(records: Records) -> None:
    """Be done with what was cut off on an earlier day, but for a card on which something was typed."""
    answered = {(review.sitting, review.place) for review in records.reviews()}
    today = clock.day(clock.now())

    def is_over(cut_off: Sitting) -> bool:
        if clock.day(cut_off.begun) >= today:
            return False
        last = cut_off.replies[-1].value if cut_off.replies else {"skip": True}
        return "skip" in last or (cut_off.id, last["place"]) in answered

    sittings.drop(records, KIND, is_over)


def _queue(
    deck: Deck, records: Records, minutes: float | None, topics: Collection[str], new: int | None
) -> tuple[str, ...]:
    schedule = Schedule.of(deck, records)
    queue = schedule.queue(schedule.minutes if minutes is None else minutes, clock.now(), topics or None)
    if new is None:
        return queue
    unknown = [card for card in queue if card not in schedule.known][new:]
    return tuple(card for card in queue if card not in unknown)
