"""A program that is judged and may be put right."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from drills.asking.talk import Judge, Talk
from drills.steps import AskCode, Show, Step

TRIES = 3
LATER = 0.7  # what a program is worth that passes, but not at once
NEVER = 0.45  # what the checks of a program are worth of which some failed to the end


def attempts(talk: Talk, judge: Judge, asks: str, exercise: str, starter: str) -> Generator[Step, Any, float]:
    """Ask for a program until it passes, is given up, or was tried three times; return its worth, 0 to 1.

    A verdict names the mistake and never holds the answer. The stop-watch stops at the last try.
    """
    best = 0.0
    text = starter
    for place in range(TRIES):
        typed = yield from talk.hear(AskCode(asks, text, exercise, 60.0 * talk.card.minutes))
        if not typed or typed.strip() == text.strip():
            break  # given up: there is nothing new to judge
        text = typed
        judged = judge(exercise, text)
        left = TRIES - 1 - place
        again = "" if judged.passed or not left else f"\n\nTries left: {left}."
        yield Show(
            f"```text\n{judged.text}\n```{again}",
            title="Passed" if judged.passed else "Not yet",
            look="right" if judged.passed else "wrong",
        )
        if judged.passed:
            return 1.0 if place == 0 else LATER
        best = max(best, judged.credit)
        asks = "Put it right."
    return NEVER * best
