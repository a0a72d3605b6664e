"""Every card of the course is proven, one by one; and so is the deck as a whole."""

import pytest

from drills.deck import load
from drills.proving import prove, prove_deck, prove_programs
from drills.schema import Bug, Code

CARDS = load().cards


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_every_card_is_proven(card):
    assert [str(fault) for fault in prove(card) if not fault.warning] == []


PROGRAMS = {id: card for id, card in CARDS.items() if isinstance(card, Code | Bug)}


@pytest.mark.parametrize("card", PROGRAMS.values(), ids=PROGRAMS)
def test_every_program_does_what_its_card_says(card):
    assert [str(fault) for fault in prove_programs(card) if not fault.warning] == []


def test_the_deck_covers_every_claim_and_every_lesson():
    # Of the deck as a whole: it holds once the cards of all lessons are there.
    assert [str(fault) for fault in prove_deck(load()) if not fault.warning] == []
