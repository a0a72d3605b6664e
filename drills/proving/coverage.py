"""The proof of the deck as a whole: every claim and every lesson has its cards."""

from __future__ import annotations

from collections import Counter

from drills.deck import Deck
from drills.proving.choices import longest_is_right
from drills.proving.fault import Fault
from drills.proving.references import CLAIMS, known, topic_faults

ALL = 150
PER_LESSON = 8
PER_CLAIM = 2
UNTAUGHT = "00_start_here"  # how the course works; nothing to be asked


def prove_deck(deck: Deck) -> list[Fault]:
    """What is wrong with a deck as a whole; its cards are proven one by one."""
    return [*coverage_faults(deck), *topic_faults(deck.topics), *longest_is_right(deck.topics)]


def coverage_faults(deck: Deck) -> list[Fault]:
    """Claims, lessons and the deck that have too few cards."""
    claims = Counter(source for card in deck.cards.values() for source in set(card.sources))
    lessons: Counter[str] = Counter()
    for topic in deck.topics:
        lessons[topic.lesson or ""] += len(topic.cards)
    found = [
        f"claim {claim} has {claims[claim]} cards, fewer than {PER_CLAIM}"
        for claim in CLAIMS
        if claims[claim] < PER_CLAIM
    ]
    found += [
        f"lesson {lesson} has {lessons[lesson]} cards, fewer than {PER_LESSON}"
        for lesson in sorted(known()["lessons"] - {UNTAUGHT})
        if lessons[lesson] < PER_LESSON
    ]
    if len(deck.cards) < ALL:
        found.append(f"it has {len(deck.cards)} cards, fewer than {ALL}")
    return [Fault("", "", "", says) for says in found]
