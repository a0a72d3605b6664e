"""What there is to say at the end of a session: was confidence justified, where to read on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from drills.asking import Outcome
from drills.clock import stopwatch
from drills.deck import Deck
from drills.statistics import calibration
from drills.steps import Rating

ENOUGH = 5  # cards on which confidence was said before it is worth a word
OVER = 0.1  # how far the share of right answers may be from the confidence before it is worth a word
COLUMNS = ("card", "rating", "credit", "time")


def row(outcome: Outcome) -> tuple[str, str, str, str]:
    """How a card went, in the words of `COLUMNS`."""
    rating = outcome.rating.name.capitalize()
    if outcome.overridden:
        rating += f" (computed: {outcome.computed.name.capitalize()})"
    return outcome.card, rating, f"{100 * outcome.credit:.0f} %", stopwatch(outcome.seconds)


def remarks(outcomes: Sequence[Outcome], deck: Deck) -> list[str]:
    """A sentence each: on confidence, and on every lesson to see again."""
    return [*sureness(outcomes), *lessons(outcomes, deck)]


def sureness(outcomes: Sequence[Outcome]) -> list[str]:
    """How often one was right at each confidence, and what to make of it."""
    levels = calibration(outcomes)
    if not levels:
        return []
    parts = [
        f"at {100 * one.said:.0f} % right {one.right * one.answers:.0f} of {one.answers}" for one in levels
    ]
    count = sum(one.answers for one in levels)
    off = sum((one.said - one.right) * one.answers for one in levels) / count
    verdict = " You were surer than right." if off > 0 else " You know more than you think."
    return [f"Confidence: {', '.join(parts)}.{verdict if count >= ENOUGH and abs(off) > OVER else ''}"]


def lessons(outcomes: Sequence[Outcome], deck: Deck) -> list[str]:
    """The lessons that teach what was not known."""
    of_topic = {topic.topic: topic for topic in deck.topics}
    weak: dict[str, list[str]] = defaultdict(list)
    for outcome in outcomes:
        topic = of_topic.get(outcome.card.partition(".")[0])
        if outcome.rating <= Rating.HARD and topic and topic.lesson:
            weak[f"{topic.lesson} ({topic.title})"].append(outcome.card)
    return [f"See lesson {lesson}: {', '.join(cards)}" for lesson, cards in weak.items()]
