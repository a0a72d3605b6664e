"""A number to compute from drawn parameters."""

from __future__ import annotations

from drills import numeric
from drills.asking.grading import Scored
from drills.asking.talk import Clock, Conversation, Talk, caveats
from drills.schema import Numeric
from drills.steps import AskNumber, Show

YOUR_NUMBER = "Your number"  # the question itself has said which


def ask_numeric(card: Numeric, seed: int, clock: Clock) -> Conversation:
    """Ask for the number; then say which mistake gives what was typed, and show the way."""
    posed = numeric.pose(card, seed)
    talk = Talk(card, clock)
    yield from talk.open(posed.question, about="your number")
    typed = yield from talk.hear(AskNumber(YOUR_NUMBER, posed.unit))
    right = False
    if typed:
        judged = posed.judge(typed)
        right = judged.right
        yield verdict(right, judged.says)
    yield Show(posed.solution, title="The way there", look="answer")
    yield from caveats(card)
    return (yield from talk.close([Scored("the number", float(right), must=True)]))


def verdict(right: bool, says: str) -> Show:
    """What is said about something typed that was checked."""
    return Show(says, title="Right" if right else "Not right", look="right" if right else "wrong")
