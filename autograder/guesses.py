"""Guess before a measurement, compare after it."""

from __future__ import annotations

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


def compare(prediction_id: str, measured: float, unit: str) -> None:
    """Set the learner's guess beside what was measured."""
    unit = f" {unit}" if unit else ""
    guess = _guesses.get(prediction_id)
    said = "You made no guess" if guess is None else f"You guessed {guess:g}{unit}"
    print(f"{said}; measured: {float(measured):.4g}{unit}.")
