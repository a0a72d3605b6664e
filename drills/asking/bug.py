"""Wrong code to find, to explain and to fix."""

from __future__ import annotations

from drills.asking.attempts import attempts
from drills.asking.grading import Scored
from drills.asking.talk import Clock, Conversation, Judge, Talk, caveats
from drills.schema import Bug
from drills.steps import AskLine, Show

FOUND, FIXED = 1.0, 2.0  # weights beside those of the rubric, which is on the explanation


def ask_bug(card: Bug, clock: Clock, judge: Judge) -> Conversation:
    """Ask for the line, the explanation and the fix, which is judged; then show all three."""
    talk = Talk(card, clock)
    yield from talk.open(about="your fix")
    line = yield from talk.hear(AskLine("Which line is wrong?", card.code))
    explained = yield from talk.words("What goes wrong, and what does one see of it?", 60.0)
    worth = yield from attempts(talk, judge, "Put it right.", card.exercise, card.code)
    found = line in card.culprits
    yield Show(_culprits(card), title="Found" if found else "The line", look="right" if found else "answer")
    yield Show(f"```python\n{card.fix}```", title="Fixed", look="answer")
    yield from caveats(card)
    points = [
        Scored("the line is found", float(found), FOUND),
        Scored("the fix passes", worth, FIXED, must=True),
    ]
    points += yield from talk.tick(card.rubric, answered=explained)
    return (yield from talk.close(points))


def _culprits(card: Bug) -> str:
    lines = card.code.splitlines()
    shown = "\n".join(f"{number:>3}  {lines[number - 1]}" for number in card.culprits)
    return f"```text\n{shown}\n```"
