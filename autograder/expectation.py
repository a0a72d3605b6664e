"""What the reference and the known mistakes do on a case, computed once per case."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from weakref import WeakKeyDictionary

from autograder import compare
from autograder.case import Case
from autograder.cases import run_right
from autograder.exercise import Exercise
from autograder.misconception import Function
from autograder.observation import Observation


@dataclass
class Expectation:
    """The reference's observation of one case, its tolerances, and those of the mistakes so far asked for."""

    wanted: Observation
    tolerances: dict[str, float]
    mistakes: dict[Function, Observation] = field(default_factory=dict)


_known: WeakKeyDictionary[Case, Expectation] = WeakKeyDictionary()


def expect(exercise: Exercise, case: Case) -> Expectation:
    """What the reference does on `case`. Computed, never stored on disk."""
    if case not in _known:
        run = partial(run_right, exercise, exercise.reference)
        wanted = run(case)
        _known[case] = Expectation(wanted, compare.tolerances(run, case, wanted, exercise.exact))
    return _known[case]


def mistaken(exercise: Exercise, case: Case, answer: Function) -> Observation:
    """What a known mistake does on `case`."""
    known = expect(exercise, case).mistakes
    if answer not in known:
        known[answer] = run_right(exercise, answer, case)
    return known[answer]
