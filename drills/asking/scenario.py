"""A decision to take: the numbers that it rests on, the decision, its defence."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from drills import filling, numeric
from drills.asking.concept import DEFENCE
from drills.asking.grading import Scored
from drills.asking.numeric import verdict
from drills.asking.talk import Clock, Conversation, Talk, caveats, weak
from drills.schema import Number, Scenario
from drills.steps import AskNumber, Show, Step


def ask_scenario(card: Scenario, clock: Clock) -> Conversation:
    """Ask for the numbers, telling after each whether it is right; then for the decision and its defence.

    The decision is taken on true numbers: who was wrong about one learns it before building on it.
    """
    talk = Talk(card, clock)
    yield from talk.open(about="your decision")
    points = []
    for number in card.numbers:
        points.append((yield from _number(talk, number)))
    answered = yield from talk.words("What do you decide, and why? Give the numbers.", 120.0)
    if answered:
        yield from talk.words(f"The interviewer objects: “{card.pushback.says}”", DEFENCE)
    yield Show(card.decision, title="A strong answer", look="answer")
    yield Show(f"“{card.pushback.says}”\n\n{card.pushback.reply}", title="To the objection", look="answer")
    yield from caveats(card)
    yield from weak(card.weak)
    points += yield from talk.tick(card.rubric, answered=answered)
    return (yield from talk.close(points))


def _number(talk: Talk, number: Number) -> Generator[Step, Any, Scored]:
    typed = yield from talk.hear(AskNumber(number.asks, number.unit))
    answer = numeric.read(number.answer)
    says = f"It is {filling.in_words(answer)}{' ' * bool(number.unit)}{number.unit}. {number.says}"
    if not typed:
        yield Show(says, title="The number", look="answer")
        return Scored(number.asks, 0.0)
    near = abs(numeric.read(typed, number.unit) - answer) <= number.within * abs(answer)
    yield verdict(near, says)
    return Scored(number.asks, float(near))
