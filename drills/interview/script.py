"""What a mock interview asks: chosen to fit its minutes, rather what is weak than what is known."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence

from drills.deck import Deck
from drills.schema import Bug, Card, Code, Concept, Derivation, Numeric, Scenario

SHORTEST = 10.0  # minutes
DISCUSSION = 0.2  # the share of the minutes that is kept for what follows the questions
FOLLOW_UP = 1.5  # minutes for each, two of which are asked
TALKING, WRITING, COUNTING = (Concept, Scenario, Derivation), (Code, Bug), (Numeric,)
UNKNOWN = 0.5  # the chance of recall that is assumed for a card never seen


class InterviewError(Exception):
    """There is no interview to be made of what was asked for; the message is one sentence."""


def write_script(
    deck: Deck,
    minutes: float,
    topics: Collection[str],
    recall: Mapping[str, float],
    seed: int,
) -> tuple[str, ...]:
    """Choose the cards of an interview: one or more main questions, then a program, then a number.

    Parameters
    ----------
    deck : Deck
    minutes : float
        For all of it, the discussion at the end included.
    topics : collection of str
        Where the main questions come from; all, if empty. A program or a number that they lack comes from
        another topic.
    recall : mapping of str to float
        The chance that a card is known, by id, for those seen before.
    seed : int

    Raises
    ------
    InterviewError
        If the minutes are too few, or there is no such topic.
    """
    if minutes < SHORTEST:
        raise InterviewError(
            f"An interview takes {SHORTEST:g} minutes or more; `course drill --minutes` takes fewer."
        )
    known = {topic.topic for topic in deck.topics}
    if unknown := sorted(set(topics) - known):
        raise InterviewError(f"There is no topic {unknown[0]}; there are {', '.join(sorted(known))}.")
    chance = random.Random(seed)
    left = (1 - DISCUSSION) * minutes
    here = [card for card in deck.cards.values() if not topics or card.topic in topics]
    number = _one(here, deck, COUNTING, 0.15 * left, recall, chance)
    left -= number.minutes if number else 0
    program = _one(here, deck, WRITING, 0.55 * left, recall, chance)
    left -= program.minutes if program else 0
    main: list[Card] = []
    talking = [card for card in here if isinstance(card, TALKING)] or [
        card for card in deck.cards.values() if isinstance(card, TALKING)
    ]
    while fitting := [card for card in talking if takes(card) <= left and card not in main]:
        main.append(_drawn(_harder(fitting, minutes), recall, chance))
        left -= takes(main[-1])
    if not main and talking:
        main = [min(talking, key=takes)]
    return tuple(card.id for card in (*main, program, number) if card)


def takes(card: Card) -> float:
    """The minutes that a main question takes with its follow-ups."""
    return card.minutes + FOLLOW_UP * min(2, len(card.follow_ups))


def _one(
    here: Sequence[Card],
    deck: Deck,
    kinds: tuple[type, ...],
    minutes: float,
    recall: Mapping[str, float],
    chance: random.Random,
) -> Card | None:
    for cards in (here, tuple(deck.cards.values())):
        of_kind = [card for card in cards if isinstance(card, kinds)]
        fitting = [card for card in of_kind if card.minutes <= minutes]
        if of_kind:
            return _drawn(fitting, recall, chance) if fitting else min(of_kind, key=lambda card: card.minutes)
    return None


def _harder(cards: Sequence[Card], minutes: float) -> Sequence[Card]:
    """In a long interview the first call's questions are only asked if there are no others."""
    return [card for card in cards if card.level >= 2] or cards if minutes >= 20 else cards


def _drawn(cards: Iterable[Card], recall: Mapping[str, float], chance: random.Random) -> Card:
    cards = list(cards)
    return chance.choices(cards, [1.05 - recall.get(card.id, UNKNOWN) for card in cards])[0]
