"""What a learner calls around an open question: guess, compare, tick off."""

from __future__ import annotations

import textwrap

from autograder.exercises import explanation, prediction
from autograder.wording import WIDTH

_guesses: dict[str, float] = {}


def predict(prediction_id: str, guess: float | None) -> None:
    """Note a guess, to be compared by `reveal` later in the lesson."""
    if guess is None:
        print("No guess yet: put a number in place of None. A wrong guess teaches more than none.")
    elif isinstance(guess, bool) or not isinstance(guess, int | float):
        print(f"A guess is a number, not a {type(guess).__name__}.")
    else:
        _guesses[prediction_id] = float(guess)
        print(f"Noted: {guess:g}. You will meet it again below.")


def reveal(prediction_id: str, measured: float) -> None:
    """Set the learner's guess beside what was measured."""
    unit = prediction(prediction_id).unit
    unit = f" {unit}" if unit else ""
    guess = _guesses.get(prediction_id)
    said = "You made no guess" if guess is None else f"You guessed {guess:g}{unit}"
    print(f"{said}; measured: {float(measured):.4g}{unit}.")


def rubric(explanation_id: str) -> None:
    """Print the rubric of an explanation, to tick off one's own answer."""
    asked = explanation(explanation_id)
    print(f"{asked.id} · {asked.points:g} points. Which of these does your answer say?")
    for point in asked.rubric:
        print(textwrap.fill(point, WIDTH, initial_indent="  ☐ ", subsequent_indent="    "))
