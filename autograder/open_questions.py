"""Questions that no check can judge: predictions before an experiment, and explanations after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Prediction:
    """A number to guess before it is measured. Worth no points: the comparison is the lesson.

    Parameters
    ----------
    id : str
        Such as ``"infonce.predict_floor"``.
    question : str
        What is to be guessed.
    unit : str
        Of the guess, for instance ``"nats"``.
    """

    id: str
    question: str
    unit: str = ""


@dataclass(frozen=True)
class Explanation:
    """A free-text answer: graded by hand in a class, by a rubric for the lone learner.

    Parameters
    ----------
    id : str
        Such as ``"infonce.explain_floor"``; the part after the dot becomes nbgrader's grade id.
    title : str
        The heading of its section in the lesson.
    minutes, points : int, float
        Expected time, and what a complete answer is worth.
    rubric : sequence of str
        The key points, each one that an answer has or has not.
    """

    id: str
    title: str
    minutes: int
    points: float
    rubric: Sequence[str]
    skills: Sequence[str] = ()
    hints: Sequence[str] = ()
    stretch: bool = False

    @property
    def name(self) -> str:
        """The id without its topic."""
        return self.id.partition(".")[2]


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
    from autograder.exercises import prediction

    unit = prediction(prediction_id).unit
    unit = f" {unit}" if unit else ""
    guess = _guesses.get(prediction_id)
    said = "You made no guess" if guess is None else f"You guessed {guess:g}{unit}"
    print(f"{said}; measured: {float(measured):.4g}{unit}.")


def rubric(explanation_id: str) -> None:
    """Print the rubric of an explanation, to tick off one's own answer."""
    from autograder.exercises import explanation

    asked = explanation(explanation_id)
    print(f"{asked.id} · {asked.points:g} points. Which of these does your answer say?")
    for point in asked.rubric:
        print(f"  ☐ {point}")
