"""What came of a card."""

from __future__ import annotations

from dataclasses import dataclass

from drills.steps import Rating


@dataclass(frozen=True)
class Outcome:
    """What came of a card.

    Parameters
    ----------
    card : str
        Its id.
    credit : float
        From 0 to 1.
    missed : tuple of str
        The points that the answer lacked.
    computed, rating : Rating
        What the answer earned, and what counts: the learner may override it, and both are kept.
    confidence : float or None
        How sure the learner was beforehand; None if that was not said.
    seconds : float
        From the question to the last answer, before anything was revealed.
    said : tuple of str
        What was typed, in order; empty where it was said aloud.
    """

    card: str
    credit: float
    missed: tuple[str, ...]
    computed: Rating
    rating: Rating
    confidence: float | None
    seconds: float
    said: tuple[str, ...]

    @property
    def overridden(self) -> bool:
        """Whether the learner chose another rating than the computed one."""
        return self.rating != self.computed
