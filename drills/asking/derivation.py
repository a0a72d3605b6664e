"""A formula derived step by step; what can be typed is checked."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from drills import formula
from drills.asking.grading import Scored
from drills.asking.numeric import verdict
from drills.asking.talk import Clock, Conversation, Talk, caveats
from drills.grammar import FormulaError
from drills.numeric import Judged
from drills.schema import Derivation, DerivationStep, Formula
from drills.steps import AskFormula, Show, Step

SECOND = 0.5  # what a formula is worth that is right at the second try


def ask_derivation(card: Derivation, seed: int, clock: Clock) -> Conversation:
    """Ask for the steps in words, then for each formula, twice if need be; then show all steps.

    A step is shown as soon as its formula is settled, so that one mistake does not spoil what follows.
    """
    talk = Talk(card, clock)
    yield from talk.open(about="your derivation")
    answered = yield from talk.words(
        "Derive it on paper. Then write the steps in words, or say them.", 60.0 * card.minutes
    )
    points: list[Scored] = []
    for step in card.steps:
        if step.formula and answered:
            points.append((yield from _typed(talk, step, seed)))
    steps = "\n".join(f"{place}. {step.says}" for place, step in enumerate(card.steps, 1))
    yield Show(steps, title="The derivation", look="answer")
    yield from caveats(card)
    rest = [step for step in card.steps if not (step.formula and answered)]
    points += yield from talk.tick(rest, answered=answered)
    return (yield from talk.close(points))


def _typed(talk: Talk, step: DerivationStep, seed: int) -> Generator[Step, Any, Scored]:
    asked = step.formula
    assert asked is not None
    names = {name: quantity.means or "" for name, quantity in asked.names.items()}
    got = 0.0
    for worth in (1.0, SECOND):
        typed = yield from talk.hear(AskFormula(asked.asks, names))
        if not typed:
            break
        judged = _judge(asked, typed, seed)
        if judged.right:
            got = worth
        yield verdict(judged.right, judged.says)
        if judged.right:
            break
    yield Show(step.says, title="This step", look="answer")
    return Scored(step.says, got, step.weight, step.must)


def _judge(asked: Formula, typed: str, seed: int) -> Judged:
    try:
        return formula.judge(asked, typed, seed)
    except FormulaError as error:  # it can be read, and has a value nowhere
        return Judged(False, f"{error}.")
