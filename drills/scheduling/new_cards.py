"""In which order new cards come."""

from __future__ import annotations

import heapq
from collections.abc import Container

from drills.deck import Deck


def new_cards(deck: Deck, known: Container[str]) -> list[str]:
    """The cards that were never answered: in turn from the topics seen least, the easier ones first."""
    waiting: list[tuple[float, int, list[str]]] = []
    for place, topic in enumerate(deck.topics):
        easier_first = sorted(topic.cards, key=lambda card: card.level)
        cards = [card.id for card in easier_first if card.id not in known]
        if cards:
            waiting.append((1 - len(cards) / len(topic.cards), place, cards))
    heapq.heapify(waiting)
    order: list[str] = []
    while waiting:
        share, place, (first, *rest) = heapq.heappop(waiting)
        order.append(first)
        if rest:
            heapq.heappush(waiting, (share + 1 / len(deck.topics[place].cards), place, rest))
    return order
