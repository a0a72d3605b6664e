"""Which replies fit a step: every face asks here before a reply counts."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from drills import grammar, numeric
from drills.steps import (
    AskChoice,
    AskCode,
    AskConfidence,
    AskFormula,
    AskLine,
    AskNumber,
    AskRating,
    AskText,
    Rating,
    Step,
    Tick,
)

LONGEST = 20_000  # characters of something typed


class ReplyError(ValueError):
    """A reply that does not fit its step; the message is one sentence for the learner."""


def checked(step: Step, reply: Any) -> Any:
    """Return a reply as it counts.

    None fits every question that can be given up: it means "I do not know", and for a confidence or a
    rating, that one is not said, or left as computed.

    Raises
    ------
    ReplyError
        If the reply does not fit; nothing has happened then.
    """
    match step:
        case AskConfidence():
            return None if reply is None else _one_of(step.levels, reply)
        case AskText() | AskCode():
            return None if reply is None else _text(reply)
        case AskNumber():
            return None if reply is None else _number(_text(reply), step.unit)
        case AskFormula():
            return None if reply is None else _formula(_text(reply), step.names)
        case AskChoice():
            return None if reply is None else _whole(reply, 0, len(step.options) - 1)
        case AskLine():
            return None if reply is None else _whole(reply, 1, len(step.code.splitlines()))
        case Tick():
            return _places(reply, len(step.points))
        case AskRating():
            return int(step.computed) if reply is None else _whole(reply, min(Rating), max(Rating))
        case _:
            if reply is not None:
                raise ReplyError("Nothing is asked here.")
            return None


def in_words(step: Step, reply: Any) -> str:
    """A reply that fits, as its author would say it; that of a choice is Markdown."""
    match step:
        case AskConfidence() if reply is not None:
            return f"{100 * reply:.0f} %"
        case AskText() if reply == "":
            return "said aloud"
        case AskChoice(options=options) if reply is not None:
            return options[reply]
        case AskLine() if reply is not None:
            return f"line {reply}"
        case Tick():
            return ", ".join(str(place + 1) for place in reply) or "none"
        case AskRating() if reply is not None:
            return Rating(reply).name.capitalize()
    return str(reply or "I do not know")


def _one_of(levels: tuple[float, ...], reply: Any) -> float:
    for level in levels:
        if isinstance(reply, int | float) and math.isclose(reply, level):
            return level
    raise ReplyError(f"Choose one of {', '.join(f'{100 * level:.0f} %' for level in levels)}.")


def _whole(reply: Any, low: int, high: int) -> int:
    if isinstance(reply, bool) or not isinstance(reply, int) or not low <= reply <= high:
        raise ReplyError(f"Choose a number from {low} to {high}.")
    return int(reply)


def _places(reply: Any, count: int) -> list[int]:
    if not isinstance(reply, list | tuple):
        raise ReplyError("Say which points, as a list of numbers.")
    return sorted({_whole(place, 0, count - 1) for place in reply})


def _text(reply: Any) -> str:
    if not isinstance(reply, str):
        raise ReplyError("This is answered by typing.")
    if len(reply) > LONGEST:
        raise ReplyError(f"That is {len(reply):,} characters; at most {LONGEST:,} fit.")
    return reply


def _number(typed: str, unit: str) -> str:
    """What was typed, if it is a number; empty is giving up."""
    try:
        if typed.strip():
            numeric.read(typed, unit)
    except grammar.FormulaError as error:
        raise ReplyError(f"{error}.") from None
    return typed.strip()


def _formula(typed: str, names: Collection[str]) -> str:
    """What was typed, if it is a formula in these names; empty is giving up."""
    try:
        strange = sorted(_unknown(typed, names)) if typed.strip() else []
    except grammar.FormulaError as error:
        raise ReplyError(f"{error}.") from None
    if strange:
        raise ReplyError(f"Nothing here is called {strange[0]}: the names are {', '.join(names)}.")
    return typed.strip()


def _unknown(typed: str, names: Collection[str]) -> frozenset[str]:
    return grammar.names(grammar.parse(typed)) - set(names) - grammar.CONSTANTS.keys()
