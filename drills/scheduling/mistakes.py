"""Mistakes that a lesson's check recognised, and worked answers looked at: their cards come the next day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from autograder.progress import Event
from drills import clock
from drills.deck import Deck
from drills.scheduling.memory import Memory
from drills.schema import Bug, Card, Code


def cards_of_mistakes(
    deck: Deck, known: Mapping[str, Memory], events: Iterable[Event], today: date
) -> list[str]:
    """For each mistake met before today, and each worked answer looked at, the card on it, the latest first.

    Either is settled when a card on it was answered on a later day. Of several cards, it is the one not
    seen for the longest time.
    """
    met: dict[str, date] = {}
    for event in events:
        looked_at = (event.exercise,) if event.kind == "solution" else ()
        for occasion in (*(event.misconception or "").split("+"), *looked_at):
            if occasion:
                met.pop(occasion, None)
                met[occasion] = clock.day(event.at_utc.astimezone())
    found: dict[str, None] = {}
    for occasion, day in reversed(met.items()):
        cards = [card.id for card in deck.cards.values() if occasion in names(card)]
        if not cards or day >= today or any(card in known and known[card].last > day for card in cards):
            continue
        found.setdefault(min(cards, key=lambda card: known[card].last if card in known else date.min))
    return list(found)


def names(card: Card) -> tuple[str, ...]:
    """The mistakes that a card is on, and the exercise that it asks for."""
    wrong = (card.misconception,) if isinstance(card, Bug) else ()
    return (*card.misconceptions, *wrong, *((card.exercise,) if isinstance(card, Bug | Code) else ()))
