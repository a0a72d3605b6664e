"""Fifteen minutes that show where to begin."""

from __future__ import annotations

from collections.abc import Sequence

from drills.deck import Deck
from drills.schema import Card

MINUTES = 15.0
LONGEST = 5.0  # minutes of a card
QUICK = ("choice", "numeric")  # answered in a minute, and judged without the learner's help
LEFT_OUT = ("code", "bug")  # too long, and they need torch

Asked = Sequence[tuple[str, bool]]


def next_card(deck: Deck, asked: Asked, minutes: float = MINUTES) -> str | None:
    """The next card of a diagnostic; None at its end.

    Each topic is asked in turn, first at level 2. Whoever is right is asked at a higher level in the next
    turn, whoever is wrong at a lower one, until the level is known: so a strong topic and a weak one are
    both left early, and the time goes to those in between. Choices and numbers come before words.

    Parameters
    ----------
    deck : Deck
    asked : sequence of (str, bool)
        The cards so far, and whether they were answered rightly.
    minutes : float
        All cards together.
    """
    left = minutes - sum(deck.cards[card].minutes for card, _ in asked)
    answers: dict[str, list[tuple[Card, bool]]] = {topic.topic: [] for topic in deck.topics}
    for card_id, right in asked:
        card = deck.cards[card_id]
        answers[card.topic].append((card, right))
    waiting = sum(not before for before in answers.values())
    fair = left / max(waiting, 1)  # so that every topic has its first turn
    # By turn, and within a turn in the order of the deck.
    for _, topic in sorted(enumerate(deck.topics), key=lambda it: (len(answers[it[1].topic]), it[0])):
        before = answers[topic.topic]
        seen = [card.id for card, _ in before]
        low = max((card.level for card, right in before if right), default=0)
        high = min((card.level for card, right in before if not right), default=4)
        wanted = low + 1 if low else min(high - 1, 2)
        cards = [
            card
            for card in topic.cards
            if low < card.level < high and card.id not in seen and card.kind not in LEFT_OUT
        ]
        fitting = [card for card in cards if card.minutes <= min(left, LONGEST)]
        if fitting:
            return min(fitting, key=lambda card: _worse(card, wanted, fair)).id
    return None


def _worse(card: Card, wanted: int, fair: float) -> tuple[object, ...]:
    """What makes a card worse than another: to be judged by the learner, too long, of another level."""
    return card.kind not in QUICK, max(card.minutes, fair), abs(card.level - wanted), card.minutes


def levels(deck: Deck, asked: Asked) -> dict[str, int]:
    """The highest level that was known, by topic asked; 0 if none was."""
    found: dict[str, int] = {}
    for card_id, right in asked:
        card = deck.cards[card_id]
        found[card.topic] = max(found.get(card.topic, 0), card.level if right else 0)
    return found
