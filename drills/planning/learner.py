"""The plan of this learner: from what is recorded, and from what was decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from drills import clock
from drills.deck import Deck
from drills.planning.plan import Plan, PlanError, plan
from drills.records import Records
from drills.scheduling import Schedule


def plan_of(
    deck: Deck,
    records: Records,
    now: datetime,
    interview: date | None = None,
    minutes: float | None = None,
) -> Plan:
    """Lay the plan, from today, and remember what it was laid with.

    Parameters
    ----------
    deck : Deck
    records : Records
    now : datetime
        Aware.
    interview, minutes : date and float, optional
        By default those of last time. A new one begins a new plan: days before it were not missed.

    Raises
    ------
    PlanError
        If no date was ever given, or there is no plan for it; then nothing is remembered.
    """
    from autograder.progress import standing

    today, before = clock.day(now), records.settings()
    day = interview or before.interview
    wanted = replace(before, interview=day, minutes=before.minutes if minutes is None else minutes)
    if day is None:
        raise PlanError("A plan needs the day of the interview: `course plan --interview YYYY-MM-DD`.")
    if wanted != before or wanted.planned is None:
        wanted = replace(wanted, planned=today)
    drilled = {review.day for review in records.reviews()}
    lessons = standing.lessons()
    schedule = Schedule.of(deck, records)
    found = plan(schedule, lessons, today, day, wanted.minutes, drilled, wanted.planned)
    if wanted != before:
        records.change_settings(wanted)
    return found
