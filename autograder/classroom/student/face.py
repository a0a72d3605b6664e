"""What a notebook imports from the course while it is graded.

A ``check`` in a grade cell shows nothing here: the grader asks for the answer itself, and writes the verdict.
One elsewhere is answered by the grader, with the cases that everybody's checks have.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from autograder import guesses
from autograder.points import Points
from autograder.verdict import GroupResult, Verdict

#: What a notebook may ask for while it is graded, and what it is told.
_ELSEWHERE = ("hint", "status", "next_up", "solution")
_NOT_HERE = ("cases", "judge", "observe", "Exercise", "Group", "case")

Ask = Callable[[str, Any], Mapping[str, Any]]


class Face:
    """The functions that stand in for those of the course.

    Parameters
    ----------
    public : mapping
        What everybody may know: ``"exercises"``, ``"units"`` of predictions, ``"rubrics"`` of explanations.
    ask : callable
        ``(exercise, answer) -> verdict`` as JSON, answered by the grader.
    """

    def __init__(self, public: Mapping[str, Any], ask: Ask) -> None:
        self._public = public
        self._ask = ask
        self.asked: str | None = None  # the exercise that the grade cell now running is about

    def check(self, exercise_id: str, answer: Any) -> Any:
        """As `autograder.check`."""
        if exercise_id == self.asked:
            return None
        verdict = self._ask(exercise_id, answer)
        print(verdict["text"])
        return Points(verdict["credit"], verdict["points"])

    def examine(self, exercise_id: str, answer: Any, *, seed: int | None = None) -> Verdict:
        """As `autograder.examine`, with the usual cases."""
        if exercise_id not in self._public["exercises"]:
            raise KeyError(exercise_id)
        fields = dict(self._ask(exercise_id, answer))
        return Verdict(
            **{
                **{name: fields[name] for name in Verdict.__dataclass_fields__},
                "groups": tuple(GroupResult(**group) for group in fields["groups"]),
                "misconceptions": tuple(fields["misconceptions"]),
            }
        )

    def exercises(self) -> list[str]:
        """As `autograder.exercises`."""
        return list(self._public["exercises"])

    def reveal(self, prediction_id: str, measured: float) -> None:
        """As `autograder.reveal`."""
        guesses.compare(prediction_id, measured, self._public["units"][prediction_id])

    def rubric(self, explanation_id: str) -> None:
        """As `autograder.rubric`."""
        print(self._public["rubrics"][explanation_id])

    def put_on(self) -> None:
        """Let ``import autograder`` and ``import course`` find these functions instead of the course's."""
        public = ModuleType("autograder.public")
        for name in ("check", "examine", "exercises", "reveal", "rubric"):
            setattr(public, name, getattr(self, name))
        public.predict = guesses.predict  # type: ignore[attr-defined]
        public.Verdict = Verdict  # type: ignore[attr-defined]
        for name in (*_NOT_HERE, *_ELSEWHERE):
            setattr(public, name, _not_here(name))
        course = ModuleType("course")
        for name in _ELSEWHERE:
            setattr(course, name, _elsewhere(name))
        sys.modules["autograder.public"] = public
        sys.modules["course"] = course


def _elsewhere(name: str) -> Callable[..., None]:
    def say(*arguments: object, **keywords: object) -> None:
        print(f"({name}: not while a class is graded.)")

    return say


def _not_here(name: str) -> Callable[..., None]:
    def refuse(*arguments: object, **keywords: object) -> None:
        raise RuntimeError(f"autograder.{name} is not available while a class is graded.")

    return refuse
