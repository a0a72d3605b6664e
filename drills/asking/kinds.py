"""Which conversation belongs to which kind of card."""

from __future__ import annotations

import time

from drills import judging
from drills.asking.bug import ask_bug
from drills.asking.choice import ask_choice
from drills.asking.code import ask_code
from drills.asking.concept import ask_concept
from drills.asking.derivation import ask_derivation
from drills.asking.numeric import ask_numeric
from drills.asking.scenario import ask_scenario
from drills.asking.talk import Clock, Conversation, Judge
from drills.schema import Bug, Card, Choice, Code, Concept, Derivation, Numeric, Scenario


def ask(card: Card, seed: int, clock: Clock = time.monotonic, judge: Judge = judging.judge) -> Conversation:
    """Begin the conversation about a card.

    It yields steps and is sent replies that fit them (`drills.replies.checked`), and it returns an `Outcome`.
    Nothing of the answer is shown before there was a reply. The same replies to the same seed give the same
    conversation.

    Parameters
    ----------
    card : Card
    seed : int
        Of what is drawn: parameters, the order of options.
    clock : callable
        Returns seconds, which pass only while somebody is at work on the card.
    judge : callable
        Judges programs; by default in a process of its own, which takes some seconds.
    """
    match card:
        case Concept():
            return ask_concept(card, clock)
        case Derivation():
            return ask_derivation(card, seed, clock)
        case Numeric():
            return ask_numeric(card, seed, clock)
        case Choice():
            return ask_choice(card, seed, clock)
        case Scenario():
            return ask_scenario(card, clock)
        case Code():
            return ask_code(card, clock, judge)
        case Bug():
            return ask_bug(card, clock, judge)
