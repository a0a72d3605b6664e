"""What a learner calls around an open question: guess, compare, tick off."""

from __future__ import annotations

import textwrap

from autograder import guesses
from autograder.exercises import explanation, prediction
from autograder.guesses import predict as predict
from autograder.open_questions import Explanation
from autograder.wording import WIDTH


def reveal(prediction_id: str, measured: float) -> None:
    """Set the learner's guess beside what was measured."""
    guesses.compare(prediction_id, measured, prediction(prediction_id).unit)


def rubric(explanation_id: str) -> None:
    """Print the rubric of an explanation, to tick off one's own answer."""
    print(rubric_of(explanation(explanation_id)))


def rubric_of(asked: Explanation) -> str:
    """The rubric of an explanation, as `rubric` prints it."""
    points = (
        textwrap.fill(point, WIDTH, initial_indent="  ☐ ", subsequent_indent="    ") for point in asked.rubric
    )
    head = f"{asked.id} · {asked.points:g} points. Which of these does your answer say?"
    return "\n".join([head, *points])
