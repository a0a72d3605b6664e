"""What FSRS knows of a card, computed from its reviews.

FSRS is used as its authors ship it (``fsrs`` 6, default weights, 90 % retention), in days of study: who
answers in the evening and again the next morning has answered on two days, and a card that is due on a
day is due from its beginning.

There are no learning steps. FSRS knows steps of minutes for words that are shown again in the same
session; here a card takes minutes, the answer was just on the screen, and a repetition after ten minutes
measures nothing that an interview asks for. A card that was not known is due the next day. Who answers a
card twice in a day, in a drill on one topic or in an interview, has it counted as FSRS counts repetitions
within a day.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import fsrs
from fsrs.scheduler import FUZZ_RANGES

from drills.records.review import Review
from drills.steps import Rating

RETENTION = 0.9
SCHEDULER = fsrs.Scheduler(
    desired_retention=RETENTION, learning_steps=(), relearning_steps=(), enable_fuzzing=False
)


@dataclass(frozen=True)
class Memory:
    """What FSRS knows of a card.

    Parameters
    ----------
    card : str
    stability : float
        Days until the chance to remember has fallen to 90 %.
    difficulty : float
        1 to 10.
    last : date
        The day of the latest review.
    due : date
        The day on which FSRS wants the next one.
    reviews : int
    lapses : int
        How often the card was known once and forgotten later.
    rating : Rating
        Of the latest review.
    seconds : float
        What the latest review took.
    credit : float
        Of the latest review.
    """

    card: str
    stability: float
    difficulty: float
    last: date
    due: date
    reviews: int
    lapses: int
    rating: Rating
    seconds: float = 0.0
    credit: float = 1.0

    def retrievability(self, day: date) -> float:
        """The chance to remember the card on a day; 1 on the day of the review and before it."""
        return SCHEDULER.get_card_retrievability(_card(self), _midnight(day))


def memories(reviews: Iterable[Review]) -> dict[str, Memory]:
    """What FSRS knows of each card that was reviewed.

    Parameters
    ----------
    reviews : iterable of Review
        In the order in which they were written, which a clock that is moved does not change. A review
        that seems to come before the one it follows counts as one on the same day.
    """
    known: dict[str, Memory] = {}
    for review in reviews:
        known[review.card] = reviewed(known.get(review.card), review)
    return known


def reviewed(memory: Memory | None, review: Review) -> Memory:
    """What FSRS knows of a card after one more review."""
    return answered(memory, review.card, review.rating, review.day, review.seconds, review.credit)


def answered(
    memory: Memory | None,
    card: str,
    rating: Rating,
    day: date,
    seconds: float = 0.0,
    credit: float | None = None,
) -> Memory:
    """What FSRS knows of a card after one more answer, on a day of study.

    Parameters
    ----------
    memory : Memory, optional
        What it knew before; None for a new card.
    seconds : float
        What the answer took; 0 if nobody looked at the watch.
    credit : float, optional
        By default 0 for a card that was not known, else 1.
    """
    before = _card(memory) if memory else fsrs.Card(card_id=0, due=_midnight(day))
    after, _ = SCHEDULER.review_card(before, fsrs.Rating(int(rating)), _midnight(day))
    assert after.stability is not None
    assert after.difficulty is not None
    count = memory.reviews + 1 if memory else 1
    known_before = memory is not None and memory.rating > Rating.AGAIN
    return Memory(
        card,
        after.stability,
        after.difficulty,
        last=day,
        due=day + timedelta(days=fuzzed((after.due - _midnight(day)).days, card, count)),
        reviews=count,
        lapses=(memory.lapses if memory else 0) + (known_before and rating == Rating.AGAIN),
        rating=rating,
        seconds=seconds or (memory.seconds if memory else 0.0),
        credit=float(rating > Rating.AGAIN) if credit is None else credit,
    )


def fuzzed(interval: int, card: str, count: int) -> int:
    """An interval in days, moved a little, so that cards begun together do not stay together.

    By as much as FSRS does; but how far is decided by the card and the number of its reviews, so that the
    same reviews always give the same day.
    """
    if interval < 2.5:
        return interval
    delta = 1.0 + sum(
        part["factor"] * max(min(interval, part["end"]) - part["start"], 0.0) for part in FUZZ_RANGES
    )
    low, high = max(2, round(interval - delta)), round(interval + delta)
    return low + zlib.crc32(f"{card}:{count}".encode()) % (high - low + 1)


def _card(memory: Memory) -> fsrs.Card:
    return fsrs.Card(
        card_id=0,
        state=fsrs.State.Review,
        stability=memory.stability,
        difficulty=memory.difficulty,
        due=_midnight(memory.due),
        last_review=_midnight(memory.last),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
