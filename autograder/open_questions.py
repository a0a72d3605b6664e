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
