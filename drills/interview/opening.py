"""An interview to hold now: one that was cut off, or a new one."""

from __future__ import annotations

import secrets
from collections.abc import Collection

from drills import clock, sittings
from drills.deck import Deck
from drills.interview.script import write_script
from drills.interview.session import KIND, InterviewSession, begin
from drills.records import Records
from drills.scheduling import Schedule

MINUTES = 25.0


def open_interview(
    deck: Deck, records: Records, minutes: float | None = None, topics: Collection[str] = ()
) -> InterviewSession:
    """Go on with the interview that was cut off last, or begin one; asked for topics, always a new one.

    Parameters
    ----------
    deck : Deck
    records : Records
    minutes : float, optional
        By default `MINUTES`.
    topics : collection of str
        Where the main questions come from; by default all.

    Raises
    ------
    InterviewError
        If the minutes are too few, or there is no such topic.
    """
    sitting = None if topics else sittings.pick_up(records, KIND)
    if sitting is None:
        minutes = MINUTES if minutes is None else minutes
        schedule, now = Schedule.of(deck, records), clock.now()
        recall = {card: schedule.retrievability(card, now) for card in schedule.known}
        seed = secrets.randbits(31)
        sitting = begin(records, write_script(deck, minutes, topics, recall, seed), minutes, seed)
    return InterviewSession(deck.cards, records, sitting)
