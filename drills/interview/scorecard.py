"""The end of an interview: points by part, what was felt beside what was there, and what to review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drills.asking import Outcome
from drills.clock import stopwatch
from drills.schema import Base
from drills.steps import Rating

#: How somebody feels about an answer, best first, and the credit that it comes with.
FELT = ("I had it", "I had parts of it", "I was stuck")
MISSED = 3  # points of a question that are named
_MEANT = (0.75, 0.4, 0.0)


@dataclass(frozen=True)
class Part:
    """One card of an interview, and how it went.

    Parameters
    ----------
    card : Base
    outcome : Outcome
    felt : int or None
        A place in `FELT`; None if it was not asked.
    met, follow_ups : int
        How many follow-ups were answered, of how many.
    """

    card: Base
    outcome: Outcome
    felt: int | None = None
    met: int = 0
    follow_ups: int = 0

    @property
    def misjudged(self) -> bool:
        """Whether the answer felt better than it was."""
        return self.felt is not None and self.outcome.credit < _MEANT[self.felt]


def scorecard(parts: Sequence[Part], seconds: float, minutes: float) -> str:
    """The scorecard in Markdown.

    Parameters
    ----------
    parts : sequence of Part
    seconds : float
        What the questions took.
    minutes : float
        What there was for all of it.
    """
    lines = ["| question | points | follow-ups | time | it felt |", "|---|---|---|---|---|"]
    lines += [_row(part) for part in parts]
    lines += ["", f"The questions took {stopwatch(seconds)} of {minutes:g} minutes."]
    lines += [f"- {said}" for said in _remarks(parts)]
    return "\n".join(lines)


def _row(part: Part) -> str:
    outcome = part.outcome
    follow_ups = f"{part.met} of {part.follow_ups}" if part.follow_ups else ""
    felt = "" if part.felt is None else FELT[part.felt]
    cells = (part.card.id, _percent(part), follow_ups, stopwatch(outcome.seconds), felt)
    return f"| {' | '.join(cells)} |"


def _remarks(parts: Sequence[Part]) -> list[str]:
    found = []
    for part in parts:
        if part.misjudged:
            found.append(f"{part.card.id} felt better than it was: {_percent(part)} of its points.")
        if part.outcome.missed:
            lacked = "".join(f"\n  - {missed}" for missed in part.outcome.missed[:MISSED])
            found.append(f"{part.card.id} lacked:{lacked}")
        if part.outcome.seconds > 90 * part.card.minutes:
            allowed = f"{part.card.minutes:g} minutes"
            found.append(f"{part.card.id} took {stopwatch(part.outcome.seconds)}; it is meant for {allowed}.")
    weak = sorted({part.card.topic for part in parts if part.outcome.rating <= Rating.HARD})
    if weak:
        found.append("To review: " + ", ".join(f"`course drill --topic {topic}`" for topic in weak))
    return found


def _percent(part: Part) -> str:
    return f"{100 * part.outcome.credit:.0f} %"
