"""One answer to one card, as it was rated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from drills import clock
from drills.steps import Rating


@dataclass(frozen=True)
class Review:
    """One answer to one card. Reviews are the truth: what is known of a card is computed from them.

    Parameters
    ----------
    card : str
        The card's id.
    at : datetime
        When, aware; its offset from UTC says on which day that was for the learner.
    rating : Rating
    computed : Rating, optional
        What the rubric gave, before the learner overrode it; by default the rating.
    credit : float
        The share of the points, 0 to 1.
    confidence : float, optional
        How sure the learner was before answering, as a probability.
    seconds : float
        From the question to the end of the answer.
    said : tuple of str
        What was typed.
    missed : tuple of str
        The points that the answer lacked.
    sitting, place : str and int, optional
        The sitting, and the card's place in its queue. A second review of one place of one sitting is
        the first one again, from a session that was cut off and resumed: it is not kept.
    """

    card: str
    at: datetime
    rating: Rating
    computed: Rating | None = None
    credit: float = 1.0
    confidence: float | None = None
    seconds: float = 0.0
    said: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    sitting: str | None = None
    place: int | None = None

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError(f"the time of a review should be aware; got {self.at!r}")
        object.__setattr__(self, "rating", Rating(self.rating))
        object.__setattr__(self, "computed", Rating(self.computed or self.rating))
        for name in ("credit", "confidence"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} should be between 0 and 1; got {value!r}")
        if not 0 <= self.seconds < float("inf"):
            raise ValueError(f"seconds should be positive and finite; got {self.seconds!r}")

    @property
    def day(self) -> date:
        """The day of study that it belongs to."""
        return clock.day(self.at)

    @property
    def right(self) -> bool:
        """Whether the card was remembered at all."""
        return self.rating > Rating.AGAIN

    @property
    def overridden(self) -> bool:
        """Whether the learner rated otherwise than the rubric."""
        return self.rating != self.computed
