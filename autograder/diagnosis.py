"""Naming the mistake: compare a wrong answer's fingerprint with those of known mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np

from autograder import compare
from autograder.case import Case
from autograder.exercise import Exercise
from autograder.expectation import expect, mistaken
from autograder.misconception import Function, Misconception
from autograder.observation import Observation

Place = tuple[Case, str]  # one array of one case
_TELLING = ("kind", "type", "message", "argument", "got")  # what two errors of the same cause share


@dataclass(frozen=True)
class Step:
    """Where a computation leaves the right path: the last step found in it, and the one that is not."""

    right: str
    variable: str
    wrong: str


@dataclass(frozen=True)
class Diagnosis:
    """The mistakes that reproduce an answer, and failing that its first wrong intermediate."""

    misconceptions: tuple[Misconception, ...] = ()
    step: Step | None = None


def diagnose(
    exercise: Exercise, cases: Sequence[Case], observations: Sequence[Observation], failed: Sequence[Place]
) -> Diagnosis:
    """Find what reproduces a wrong answer: one mistake, two at once, or else the first wrong step.

    Two mistakes at once are either independent (each explains some of the failed checks, and
    neither contradicts a check that passed) or made on top of each other.
    """
    seen = dict(zip(cases, observations, strict=False))
    known = list(exercise.misconceptions.values())
    for mistake in known:
        if reproduces(exercise, mistake.on(exercise.reference), seen):
            return Diagnosis((mistake,))
    found = (
        _but_for_nonfinite(exercise, known, seen)
        or _independent_pair(exercise, known, seen, failed)
        or _stacked_pair(exercise, known, seen)
    )
    if found:
        return Diagnosis(found)
    shown = next((case for case, _ in failed if case in seen and not case.hidden), None)
    return Diagnosis(step=_first_wrong_step(exercise, shown, seen[shown]) if shown else None)


def reproduces(
    exercise: Exercise, answer: Function, seen: Mapping[Case, Observation], loosely: bool = False
) -> bool:
    """Whether a mistake gives everything that was observed; `loosely`, whichever NaN or infinity."""
    return all(
        _same_error(got, mistaken(exercise, case, answer))
        and all(
            _same_at(exercise, answer, case, name, got, loosely)
            for name in expect(exercise, case).wanted.arrays
        )
        for case, got in seen.items()
    )


def _but_for_nonfinite(
    exercise: Exercise, known: Sequence[Misconception], seen: Mapping[Case, Observation]
) -> tuple[Misconception, ...]:
    """The one mistake that reproduces everything but for NaN where the answer has infinity.

    Which of them an overflow ends in depends on the order of operations, not on the idea.
    """
    arrays = [array for got in seen.values() for array in got.arrays.values()]
    if not any(np.isfinite(array).all() for array in arrays):
        return ()
    able = [
        mistake
        for mistake in known
        if not mistake.same_as and reproduces(exercise, mistake.on(exercise.reference), seen, loosely=True)
    ]
    return tuple(able) if len(able) == 1 else ()


def _same_error(one: Observation, other: Observation) -> bool:
    if one.error is None or other.error is None:
        return one.error is other.error
    return all(one.error.get(key) == other.error.get(key) for key in _TELLING)


def _same_at(
    exercise: Exercise, answer: Function, case: Case, name: str, got: Observation, loosely: bool = False
) -> bool:
    """Whether a mistake gives what was observed at one place."""
    theirs = mistaken(exercise, case, answer)
    if not _same_error(got, theirs):
        return False
    mine, want = got.arrays.get(name), theirs.arrays.get(name)
    if mine is None or want is None:
        return mine is want
    # Where the judge takes any kind of number (a tensor for a float), mistakes come in any, too.
    number = mine.ndim == 0 and exercise.any_number
    form = got.kinds.get(name), got.dtypes.get(name)
    if not exercise.exact and not number and form != (theirs.kinds.get(name), theirs.dtypes.get(name)):
        return False
    if loosely and mine.shape == want.shape and not (np.isfinite(mine).all() or np.isfinite(want).all()):
        return True
    expected = expect(exercise, case)
    tolerance = compare.rescaled(expected.tolerances[name], expected.wanted.arrays[name], want)
    return compare.same_fingerprint(mine, want, tolerance)


def _independent_pair(
    exercise: Exercise,
    known: Sequence[Misconception],
    seen: Mapping[Case, Observation],
    failed: Sequence[Place],
) -> tuple[Misconception, ...] | None:
    wrong = {place for place in failed if place[0] in seen}
    places = [(case, name) for case in seen for name in expect(exercise, case).wanted.arrays]
    # Where both overflow, two mistakes together may well end in NaN at other entries than one of them.
    explains = {
        mistake.id: {
            (case, name)
            for case, name in places
            if _same_at(exercise, mistake.on(exercise.reference), case, name, seen[case], loosely=True)
        }
        for mistake in known
    }
    right = set(places) - wrong
    able = [mistake for mistake in known if explains[mistake.id] >= right]
    pairs = [
        (one, other)
        for one, other in combinations(able, 2)
        if (first := explains[one.id]) | (second := explains[other.id]) >= wrong
        and first - second
        and second - first
    ]
    # Of several, the pair that gets in its own way least: where a mistake does not explain the answer, it
    # should at least do no harm.
    harm = {mistake.id: _harm(exercise, mistake, set(places) - explains[mistake.id]) for mistake in able}
    return min(pairs, key=lambda pair: sum(harm[mistake.id] for mistake in pair), default=None)


def _harm(exercise: Exercise, mistake: Misconception, places: set[Place]) -> int:
    """At how many places a mistake makes a difference."""
    return sum(
        not _same_at(exercise, mistake.on(exercise.reference), case, name, expect(exercise, case).wanted)
        for case, name in places
    )


def _stacked_pair(
    exercise: Exercise, known: Sequence[Misconception], seen: Mapping[Case, Observation]
) -> tuple[Misconception, ...] | None:
    for outer, inner in permutations(known, 2):
        if outer.wraps and reproduces(exercise, outer.on(inner.on(exercise.reference)), seen):
            return inner, outer
    return None


def _first_wrong_step(exercise: Exercise, case: Case, seen: Observation) -> Step | None:
    """The first step of the reference that no local variable of the answer holds."""
    found: tuple[str, str] | None = None
    expected = expect(exercise, case)
    output = next(iter(expected.wanted.arrays))
    for step, compute in exercise.intermediates.items():
        want = _as_array(compute(**_tensors(case)))
        tolerance = compare.rescaled(expected.tolerances[output], expected.wanted.arrays[output], want)
        holder = next(
            (name for name, got in seen.intermediates.items() if compare.same(got, want, tolerance)), None
        )
        if holder is None:
            return Step(*found, wrong=step) if found else None
        found = (step, holder)
    return None


def _tensors(case: Case) -> dict[str, object]:
    from autograder.observers.arrays import to_torch

    return {name: to_torch(value) for name, value in case.inputs.items()}


def _as_array(value: object) -> np.ndarray:
    from autograder.observers.arrays import to_numpy

    return to_numpy(value)[0]
