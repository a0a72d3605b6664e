"""Sittings begun, picked up where they were cut off, or dropped; nobody touches what somebody else is at."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from drills import claims, clock
from drills.asking import Outcome
from drills.records import Records, Review, Sitting


def begin(records: Records, kind: str, queue: Sequence[str], seed: int | None = None) -> Sitting:
    """Begin a sitting, and claim it for this process.

    Parameters
    ----------
    records : Records
    kind : str
        ``drill``, ``diagnostic``, or ``interview`` and its minutes.
    queue : sequence of str
        The ids of its cards.
    seed : int, optional
        Of what is drawn; by default another one each time.
    """
    sitting = records.begin(kind, queue, secrets.randbits(31) if seed is None else seed, clock.now())
    claims.claim(records.path, sitting.id)
    return sitting


def pick_up(records: Records, kind: str, fits: Callable[[Sitting], bool] = lambda _: True) -> Sitting | None:
    """The latest sitting of this kind that was cut off, fits, and is free; None if there is none."""
    for sitting in reversed(records.unfinished()):
        wanted = sitting.kind.partition(" ")[0] == kind and fits(sitting)
        if wanted and claims.claim(records.path, sitting.id):
            return records.resume(sitting.id)
    return None


def drop(records: Records, kind: str, is_over: Callable[[Sitting], bool]) -> None:
    """Be done with the sittings of this kind that were cut off and are over, and that nobody is at."""
    for sitting in records.unfinished():
        over = sitting.kind.partition(" ")[0] == kind and is_over(sitting)
        if over and claims.claim(records.path, sitting.id):
            records.finish(sitting.id, clock.now())
            claims.release(records.path, sitting.id)


def review(sitting: Sitting, place: int, outcome: Outcome) -> Review:
    """What came of the card at a place of a sitting, as it is kept."""
    return Review(
        card=outcome.card,
        at=clock.now(),
        rating=outcome.rating,
        computed=outcome.computed,
        credit=outcome.credit,
        confidence=outcome.confidence,
        seconds=outcome.seconds,
        said=outcome.said,
        missed=outcome.missed,
        sitting=sitting.id,
        place=place,
    )
