"""What is shown and asked while a card is answered.

A card is a conversation: its core yields one step after another, a face (the terminal, JupyterLab) shows
it and sends back a reply. Replies are JSON values, so that a session which was cut off is brought back by
giving the same replies again. To every question for an answer None is a reply, too: "I do not know".
`drills.replies.checked` says which replies fit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal


class Rating(IntEnum):
    """How well a card was known, in the terms of FSRS."""

    AGAIN = 1
    HARD = 2
    GOOD = 3
    EASY = 4


@dataclass(frozen=True)
class Step:
    """Something to show (Markdown with TeX), and for the subclasses something to ask."""

    text: str


@dataclass(frozen=True)
class Show(Step):
    """Nothing is asked: the reply is None. `look` says how it is meant, for a face to style."""

    title: str = ""
    look: Literal["question", "answer", "right", "wrong", "note", "weak"] = "note"


@dataclass(frozen=True)
class Beside(Show):
    """Two texts to be compared, side by side where there is room, each under its title."""

    other: str = ""
    other_title: str = ""


@dataclass(frozen=True)
class AskConfidence(Step):
    """How sure are you, before you answer? The reply is one of `levels`, a probability."""

    levels: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True)
class AskText(Step):
    """A free answer, typed or said aloud. The reply is a string, empty if it was said.

    `seconds` is what the stop-watch counts towards; it stops nobody.
    """

    seconds: float = 120.0


@dataclass(frozen=True)
class AskNumber(Step):
    """A number. The reply is what was typed, as a string: an expression without names is fine."""

    unit: str = ""


@dataclass(frozen=True)
class AskChoice(Step):
    """One of `options`. The reply is its place, from 0."""

    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class AskFormula(Step):
    """A formula in `names`, which map to what they mean. The reply is what was typed, as a string."""

    names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AskLine(Step):
    """A line of `code`. The reply is its number, from 1."""

    code: str = ""


@dataclass(frozen=True)
class AskCode(Step):
    """A program. The reply is its text."""

    starter: str = ""
    exercise: str = ""
    seconds: float = 600.0


@dataclass(frozen=True)
class Tick(Step):
    """Which of these points did the answer have? The reply is a list of their places, from 0."""

    points: tuple[str, ...] = ()
    musts: tuple[int, ...] = ()


@dataclass(frozen=True)
class AskRating(Step):
    """Is the computed rating right? The reply is a rating; one that differs is an override, and logged."""

    computed: Rating = Rating.GOOD
    reason: str = ""
