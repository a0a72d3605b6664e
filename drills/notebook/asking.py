"""Asking each kind of step: which widget it has, and how what is in it becomes a reply."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets

from drills import grammar
from drills.formula import EXAMPLES
from drills.notebook.asked import Asked
from drills.notebook.showing import aloud, classed, prose
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

Send = Callable[[Any], None]
ALOUD = "I said it aloud"
UNKNOWN = "I do not know"
NOTHING = f"Nothing is typed yet. “{UNKNOWN}” gives it up."
_ROWS = 6


def asked(step: Step, send: Send, draft: str = "") -> Asked:
    """The widget that asks a step.

    Parameters
    ----------
    step : Step
    send : callable
        Is given the reply.
    draft : str
        What was typed for it before.

    Raises
    ------
    TypeError
        If this face does not know the step.
    """
    match step:
        case AskConfidence():
            return _confidence(step, send)
        case AskText():
            return _words(step, send, draft)
        case AskNumber():
            return _number(step, send, draft)
        case AskFormula():
            return _formula(step, send, draft)
        case AskChoice():
            return _choice(step, send)
        case AskLine():
            return _line(step, send)
        case AskCode():
            return _code(step, send, draft)
        case Tick():
            return _tick(step, send)
        case AskRating():
            return _rating(step, send)
    raise TypeError(f"this face cannot ask {type(step).__name__}")


def _confidence(step: AskConfidence, send: Send) -> Asked:
    levels = {f"{100 * level:.0f} %": (lambda level=level: send(level)) for level in step.levels}
    question = Asked(step.text, [], {**levels, "I'd rather not say": lambda: send(None)})
    next(iter(question.buttons.values())).button_style = ""  # no level is the usual one
    return question


def _rating(step: AskRating, send: Send) -> Asked:
    # What was computed comes first: Enter keeps it.
    order = sorted(Rating, key=lambda rating: (rating != step.computed, rating))
    words = {rating: rating.name.capitalize() for rating in Rating}
    labels = {
        rating: f"{words[rating]} (computed)" if rating == step.computed else words[rating]
        for rating in order
    }
    buttons = {label: (lambda rating=rating: send(int(rating))) for rating, label in labels.items()}
    return Asked(f"{step.text} **{words[step.computed]}**: {step.reason}.", [], buttons)


def _words(step: AskText, send: Send, draft: str) -> Asked:
    area = ipywidgets.Textarea(draft, rows=_ROWS, placeholder="Type your answer, or say it aloud.")

    def done() -> None:
        if area.value.strip():
            send(area.value)
        else:
            question.say(
                f"Nothing is typed yet. “{ALOUD}” keeps an answer that was spoken, “{UNKNOWN}” gives it up."
            )

    # Whoever typed something does not lose it by having said it, too.
    buttons = {
        "Done": done,
        ALOUD: lambda: send(area.value if area.value.strip() else ""),
        UNKNOWN: lambda: send(None),
    }
    question = Asked(step.text, [area], buttons, typed=area)
    return question


def _number(step: AskNumber, send: Send, draft: str) -> Asked:
    unit = f" (in {step.unit})" if step.unit else ""
    return _one_line(step.text + unit, "A number, or such as 2^8/3", send, draft)


def _formula(step: AskFormula, send: Send, draft: str) -> Asked:
    names = "\n".join(f"- `{name}` {means}" for name, means in step.names.items())
    question = _one_line(f"{step.text}\n\n{names}", f"Such as {EXAMPLES}", send, draft)
    line, understood = question.inputs[0], ipywidgets.HTML()
    question.children = (*question.children[:2], understood, *question.children[2:])

    def follow(_: object = None) -> None:
        understood.value = _understood(line.value)

    line.observe(follow, names="value")
    follow()
    return question


def _understood(typed: str) -> str:
    """What the grammar makes of a formula, so that a missing parenthesis is seen before it counts."""
    try:
        read = grammar.show(grammar.parse(typed)) if typed.strip() else ""
    except grammar.FormulaError:
        return ""
    return f"<p>read as <code>{escape(read)}</code></p>" if read else ""


def _one_line(words: str, placeholder: str, send: Send, draft: str) -> Asked:
    line = classed(ipywidgets.Text(draft, placeholder=placeholder), "drill-mono", "drill-short")

    def answer() -> None:
        if line.value.strip():
            send(line.value)
        else:
            question.say(NOTHING)

    def heard(_: object, content: dict[str, Any], __: object) -> None:
        if content.get("event") == "submit":  # the Enter key
            question.once_typed(answer)

    line.on_msg(heard)
    question = Asked(words, [line], {"Answer": answer, UNKNOWN: lambda: send(None)}, typed=line)
    return question


def _code(step: AskCode, send: Send, draft: str) -> Asked:
    rows = min(24, len((draft or step.starter).splitlines()) + 6)
    area = classed(ipywidgets.Textarea(draft or step.starter, rows=rows), "drill-mono")

    def check() -> None:
        if area.value.strip() == step.starter.strip():
            question.say("Nothing is changed yet. “Give up” shows how it can be written.")
        else:
            send(area.value)

    def restore() -> None:
        area.value = step.starter

    buttons = {"Run the checks": check, "Give up": lambda: send(None), "Back to the given code": restore}
    question = Asked(step.text, [area], buttons, typed=area)
    return question


def _choice(step: AskChoice, send: Send) -> Asked:
    options = [ipywidgets.RadioButtons(options=[aloud(option)], value=None) for option in step.options]
    chosen: list[int] = []

    def choose(place: int) -> None:
        if options[place].value is None:
            return
        chosen[:] = [place]
        for other, option in enumerate(options):
            if other != place:
                option.value = None

    def answer() -> None:
        if chosen:
            send(chosen[0])
        else:
            question.say("Choose one of them first.")

    for place, option in enumerate(options):
        option.observe(lambda _, place=place: choose(place), names="value")
    rows = [_row(option, text) for option, text in zip(options, step.options, strict=True)]
    question = Asked(step.text, rows, {"Answer": answer, UNKNOWN: lambda: send(None)})
    return question


def _tick(step: Tick, send: Send) -> Asked:
    must = [" *(a must)*" if place in step.musts else "" for place in range(len(step.points))]
    points = [f"{point}{must}" for point, must in zip(step.points, must, strict=True)]
    boxes = [ipywidgets.Checkbox(False, description=aloud(point), indent=False) for point in points]

    def done() -> None:
        send([place for place, box in enumerate(boxes) if box.value])

    rows = [_row(box, point) for box, point in zip(boxes, points, strict=True)]
    return Asked(step.text, rows, {"Done": done})


def _line(step: AskLine, send: Send) -> Asked:
    lines = step.code.splitlines()
    width = len(str(len(lines)))
    options = [(f"{number:>{width}}  {line}", number) for number, line in enumerate(lines, 1)]
    listing = classed(ipywidgets.RadioButtons(options=options, value=None), "drill-lines")

    def answer() -> None:
        if listing.value is None:
            question.say("Choose a line first.")
        else:
            send(listing.value)

    question = Asked(step.text, [listing], {"Answer": answer, UNKNOWN: lambda: send(None)})
    return question


def _row(control: ipywidgets.DOMWidget, text: str) -> ipywidgets.HBox:
    return classed(ipywidgets.HBox([control, prose(text)]), "drill-row")
