"""A card to be read: its question and everything that is shown once it is answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from drills.asking import ask
from drills.asking.numeric import YOUR_NUMBER
from drills.schema import Bug, Card, Choice, Code
from drills.steps import AskFormula, AskNumber, AskRating, Show, Step, Tick


def shown(card: Card, seed: int = 0) -> list[Show]:
    """What the conversation about a card shows to somebody who answers nothing, the question first.

    Parameters
    ----------
    card : Card
    seed : int
        Of what is drawn: parameters, the order of options.
    """
    talk = ask(card, seed, clock=lambda: 0.0)
    found: list[Show] = []
    step: Step = next(talk)
    asked: Step | None = None
    try:
        while True:
            if isinstance(step, Show):
                found.append(after(asked, step))
            asked = step
            step = talk.send(_nothing(step))
    except StopIteration:
        return found


def after(asked: Step | None, shown: Show) -> Show:
    """What is shown of one number or formula among several, with what was asked: here it stands alone."""
    if isinstance(asked, AskFormula) or (isinstance(asked, AskNumber) and asked.text != YOUR_NUMBER):
        return replace(shown, text=f"*{asked.text}*\n\n{shown.text}")
    return shown


def options(card: Card) -> tuple[str, ...]:
    """What there is to choose from, in the card's own order; nothing but for a choice."""
    return tuple(option.text for option in card.options) if isinstance(card, Choice) else ()


def given(card: Card) -> str:
    """The program that a card begins with: what is wrong, or what is to be filled in; else nothing."""
    match card:
        case Bug():
            return card.code
        case Code():
            return card.starter
    return ""


def _nothing(step: Step) -> Any:
    match step:
        case Tick():
            return []
        case AskRating():
            return int(step.computed)
    return None
