"""One right answer among some, in an order of its own for each seed."""

from __future__ import annotations

import random

from drills.asking.grading import Scored
from drills.asking.talk import Clock, Conversation, Talk, caveats
from drills.schema import Choice, Option
from drills.steps import AskChoice, Show


def ask_choice(card: Choice, seed: int, clock: Clock) -> Conversation:
    """Ask for one option; then show the reason of each, the chosen and the right one first."""
    options = list(card.options)
    random.Random(f"{card.id}/{seed}").shuffle(options)
    talk = Talk(card, clock)
    yield from talk.open(about="your choice")
    place = yield from talk.hear(AskChoice("Which one?", tuple(option.text for option in options)))
    chosen = None if place is None else options[place]
    if chosen is not None:
        talk.said[-1] = chosen.text  # its place means nothing without the seed
    right = next(option for option in options if option.right)
    if chosen is right:
        yield _reason(right, "Right")
    else:
        if chosen is not None:
            yield _reason(chosen, "Not that")
        yield _reason(right, "The right one")
    others = [option for option in options if option is not chosen and option is not right]
    if others:
        yield Show("\n\n".join(map(_with_reason, others)), title="Why not the others", look="note")
    yield from caveats(card)
    return (yield from talk.close([Scored(right.text, float(chosen is right), must=True)]))


def _reason(option: Option, title: str) -> Show:
    look = "right" if option.right else "wrong" if title == "Not that" else "note"
    return Show(_with_reason(option), title=title, look=look)  # type: ignore[arg-type]


def _with_reason(option: Option) -> str:
    return f"**{option.text}**\n\n{option.reason}"
