"""A question answered in words, and defended against one objection."""

from __future__ import annotations

from drills.asking.talk import Clock, Conversation, Talk, caveats, weak
from drills.schema import Concept
from drills.steps import Show

DEFENCE = 45.0  # seconds for the reply to an objection


def ask_concept(card: Concept, clock: Clock) -> Conversation:
    """Ask for the answer and the defence, then show how both are done well."""
    talk = Talk(card, clock)
    yield from talk.open()
    answered = yield from talk.words("Answer as you would aloud, in about two minutes.", 120.0)
    if answered:
        yield from talk.words(f"The interviewer objects: “{card.pushback.says}”", DEFENCE)
    yield Show(card.half_minute, title="In half a minute", look="answer")
    long = card.two_minutes
    yield Show(f"{long.short}\n\n{long.insight}", title="In two minutes", look="answer")
    yield Show(f"“{card.pushback.says}”\n\n{card.pushback.reply}", title="To the objection", look="answer")
    yield from caveats(card)
    yield from weak(card.weak)
    points = yield from talk.tick(card.rubric, answered=answered)
    return (yield from talk.close(points))
