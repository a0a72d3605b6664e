"""The proof of the cards: what each of them, and the deck as a whole, has to show before it goes in.

``python -m drills.proving`` proves the course's deck, ``python -m drills.proving infonce`` one topic; CI
proves each card in a test of its own.
"""

from drills.proving.card import prove
from drills.proving.coverage import prove_deck
from drills.proving.fault import Fault
from drills.proving.programs import prove_programs

__all__ = ["Fault", "prove", "prove_deck", "prove_programs"]
