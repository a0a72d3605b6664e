"""Judging: compare what an answer did with what the reference does, check by check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from autograder import compare, wording
from autograder.case import Case
from autograder.diagnosis import diagnose
from autograder.exercise import Exercise
from autograder.expectation import Expectation, expect
from autograder.observation import GRADIENT, Observation
from autograder.verdict import Check, GroupResult, Verdict

#: Faults of form: the numbers may be right, and pointing to a step would send the learner to the wrong place.
_FORM = ("type", "dtype", "mutated")


def judge(exercise: Exercise, cases: Sequence[Case], observations: Sequence[Observation]) -> Verdict:
    """Judge what an answer did on `cases`.

    Parameters
    ----------
    exercise : Exercise
        What was asked.
    cases : sequence of Case
        What the answer was run on.
    observations : sequence of Observation
        What it did, in the same order; fewer than the cases if the answer was given up on.
    """
    checks = [
        check
        for index, case in enumerate(cases)
        for check in _checks(exercise, case, observations[index] if index < len(observations) else None)
    ]
    own_work = any(observation.calls for observation in observations)
    groups = _score(exercise, checks, nothing=own_work)
    complete = {group.name for group in groups if group.complete}
    failed = [check for check in checks if check.problem and check.group not in complete]
    problem = "own_work" if own_work else (failed[0].problem if failed else None)
    diagnosis = None
    if failed and problem not in ("own_work", "unattempted", "slow"):
        shown = [(check.case, check.name) for check in failed]
        diagnosis = diagnose(exercise, cases, observations, shown)
        if problem in _FORM:
            diagnosis = replace(diagnosis, step=None)
    named = diagnosis.misconceptions if diagnosis else ()
    spared = [] if failed or own_work else [check for check in checks if check.problem]
    text = wording.verdict(exercise, groups, problem, failed[:1], spared[:2], cases, observations, diagnosis)
    return Verdict(
        exercise.id,
        passed=problem is None,
        credit=float(sum(group.earned for group in groups)),
        points=exercise.points,
        groups=groups,
        problem=problem,
        misconceptions=tuple(m.id for m in named),
        text=text,
    )


def _checks(exercise: Exercise, case: Case, observation: Observation | None) -> list[Check]:
    expected = expect(exercise, case)
    return [
        Check(case, name, _group(exercise, case, name), _problem(exercise, expected, name, observation))
        for name in expected.wanted.arrays
    ]


def _group(exercise: Exercise, case: Case, name: str) -> str:
    if case.group:
        return case.group
    if name.startswith(GRADIENT) and "gradient" in exercise.groups:
        return "gradient"
    return next(iter(exercise.groups))


def _problem(exercise: Exercise, expected: Expectation, name: str, seen: Observation | None) -> str | None:
    """What is wrong with one array, if anything; the first of `PROBLEMS` that applies."""
    if seen is None:
        return "slow"
    if seen.error:
        return seen.error["kind"]
    want, got = expected.wanted.arrays[name], seen.arrays.get(name)
    if got is None:
        return "type"
    output = not name.startswith(GRADIENT)
    if output and _wrong_kind(exercise, expected.wanted.kinds[name], seen.kinds[name], want):
        return "type"
    if got.shape != want.shape:  # of a gradient only where somebody else than an observer made it
        return "shape"
    if output and not exercise.exact and _wrong_dtype(expected, name, seen):
        return "dtype"
    if not np.isfinite(got).all():
        return "nonfinite"
    return None if compare.same(got, want, expected.tolerances[name]) else "wrong"


def _wrong_kind(exercise: Exercise, want: str, got: str, array: np.ndarray) -> bool:
    """Arrays must be of the kind that was handed in; where no gradient is asked, any number is a number."""
    return want != got and (array.ndim > 0 or not exercise.any_number)


def _wrong_dtype(expected: Expectation, name: str, seen: Observation) -> bool:
    """Arrays must keep their dtype; a plain number has none, and a count may be any kind of number."""
    count = expected.wanted.kinds[name] == "python" and expected.wanted.arrays[name].dtype.kind != "f"
    return not count and seen.kinds[name] != "python" and seen.dtypes[name] != expected.wanted.dtypes[name]


def _score(exercise: Exercise, checks: Sequence[Check], nothing: bool) -> tuple[GroupResult, ...]:
    by_group: dict[str, list[Check]] = {name: [] for name in exercise.grouped}
    for check in checks:
        by_group[check.group].append(check)
    passed = {name: sum(not c.problem for c in members) for name, members in by_group.items()}

    def complete(name: str) -> bool:
        needed = exercise.grouped[name].at_least
        if needed is None:
            return passed[name] == len(by_group[name])
        # Hidden cases ask everything a second time, and must not make "3 of 7" into "3 of 14".
        rounds = [[c for c in by_group[name] if c.case.hidden is hidden] for hidden in (False, True)]
        return all(sum(not c.problem for c in members) >= needed for members in rounds if members)

    results = []
    for name, group in exercise.grouped.items():
        earned = complete(name) and all(complete(other) for other in group.needs) and not nothing
        results.append(
            GroupResult(
                name,
                group.points,
                group.points if earned else 0.0,
                len(by_group[name]),
                passed[name],
                complete(name),
            )
        )
    return tuple(results)
