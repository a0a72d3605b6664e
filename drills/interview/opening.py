"""An interview to hold now: one that was cut off, or a new one."""

from __future__ import annotations

import secrets
from collections.abc import Collection

from drills import clock, sittings
from drills.deck import Deck
from drills.interview.script import write_script
from drills.interview.session import KIND, InterviewSession, begin, kind_of
from drills.records import Records, Sitting
from drills.scheduling import Schedule

MINUTES = 25.0


def open_interview(
    deck: Deck, records: Records, minutes: float | None = None, topics: Collection[str] = ()
) -> InterviewSession:
    """Go on with the interview that was cut off last, or begin one.

    One that was cut off goes on if it has the minutes and the topics that are asked for.

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

    def fits(cut_off: Sitting) -> bool:
        as_long = minutes is None or cut_off.kind == kind_of(minutes)
        return as_long and (not topics or cut_off.queue[0].partition(".")[0] in topics)

    sitting = sittings.pick_up(records, KIND, fits)
    if sitting is None:
        minutes = MINUTES if minutes is None else minutes
        schedule, now = Schedule.of(deck, records), clock.now()
        recall = {card: schedule.retrievability(card, now) for card in schedule.known}
        seed = secrets.randbits(31)
        sitting = begin(records, write_script(deck, minutes, topics, recall, seed), minutes, seed)
    return InterviewSession(deck.cards, records, sitting)
