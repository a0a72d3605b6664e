"""A function to write against the clock."""

from __future__ import annotations

from drills.asking.attempts import attempts
from drills.asking.grading import Scored
from drills.asking.talk import Clock, Conversation, Judge, Talk, caveats
from drills.schema import Code
from drills.steps import Show


def ask_code(card: Code, clock: Clock, judge: Judge) -> Conversation:
    """Ask for the program, judge it as the exercise is judged, then show one and what to say about it."""
    talk = Talk(card, clock)
    yield from talk.open(about="your first try")
    worth = yield from attempts(talk, judge, "Write it.", card.exercise, card.starter)
    yield Show(f"```python\n{card.solution}```", title="One way to write it", look="answer")
    yield Show(card.remarks, title="What to say while writing", look="answer")
    yield from caveats(card)
    return (yield from talk.close([Scored("the program passes", worth, must=True)]))
