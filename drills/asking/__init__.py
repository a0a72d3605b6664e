"""The conversation about a card: one generator for each kind, ending in an `Outcome`."""

from drills.asking.kinds import ask
from drills.asking.outcome import Outcome
from drills.asking.talk import Clock, Conversation, Judge

__all__ = ["Clock", "Conversation", "Judge", "Outcome", "ask"]
