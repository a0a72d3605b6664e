"""The three calls composed: look at an answer, and tell the learner."""

from __future__ import annotations

import difflib
import os
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from autograder.case import Case
from autograder.cases import cases
from autograder.exercise import Exercise
from autograder.exercises import exercises, load
from autograder.judge import judge
from autograder.observation import Observation
from autograder.observers import Observer, observe
from autograder.observers.arrays import with_article
from autograder.points import Points
from autograder.progress import record_attempt
from autograder.study import after_check
from autograder.verdict import Verdict

_ASKED_FOR = {"function": "function", "state": "class", "learner_test": "test function"}
GIVEN_UP = ("slow", "unattempted")  # after one of these, the remaining cases are not tried


def examine(exercise_id: str, answer: Callable[..., Any], *, seed: int | None = None) -> Verdict:
    """Judge an answer, and return the verdict without printing or recording anything.

    Parameters
    ----------
    exercise_id : str
        Such as ``"infonce.clip_loss"``; see `exercises`.
    answer : callable
        The learner's function, class or test.
    seed : int, optional
        For other random cases than the usual ones.

    Raises
    ------
    KeyError
        If there is no such exercise.
    """
    exercise = load(exercise_id)
    asked = cases(exercise, 0 if seed is None else seed)
    hidden = _hidden_seed()
    if hidden is not None:
        asked += cases(exercise, hidden, hidden=True)
    return judge(exercise, asked, observe_all(exercise, exercise.runner, answer, asked))


def check(exercise_id: str, answer: Callable[..., Any]) -> Points:
    """Judge an answer: print the verdict, record the attempt, and return the points.

    Under nbgrader the value of the cell is its partial credit. Nothing that the answer does makes
    this raise; only the learner's own interrupt passes through.
    """
    try:
        exercise = load(exercise_id)
    except KeyError:
        print(no_such_exercise(exercise_id))
        return Points(0.0, 0.0)
    if not callable(answer):
        print(not_callable(exercise, with_article(answer)))
        return Points(0.0, exercise.points)
    started = time.perf_counter()
    verdict = examine(exercise_id, answer)
    elapsed = time.perf_counter() - started
    print(verdict.text)
    if verdict.problem != "unattempted":
        credit = verdict.credit / verdict.points if verdict.points else float(verdict.passed)
        _record(exercise_id, credit, verdict.misconception, 1000 * elapsed)
    if verdict.passed:
        after_check(exercise_id)
    return Points(verdict.credit, verdict.points)


def no_such_exercise(exercise_id: str) -> str:
    """What `check` prints if there is no such exercise."""
    near = difflib.get_close_matches(exercise_id, exercises(), n=1)
    return f"There is no exercise {exercise_id!r}." + (f" Did you mean {near[0]!r}?" if near else "")


def not_callable(exercise: Exercise, got: str) -> str:
    """What `check` prints if the answer cannot be called; `got` says what it is, with its article."""
    asked_for = _ASKED_FOR[exercise.runner.kind]
    return (
        f"{exercise.id} · check() takes your {asked_for} itself; this is {got}.\n"
        f"  Write check({exercise.id!r}, <your {asked_for}>): its name, without calling it."
    )


def observe_all(
    exercise: Exercise, observer: Observer, answer: Callable[..., Any], asked: Sequence[Case]
) -> list[Observation]:
    """Run an answer on the cases in order, and stop where going on would be a waste of time."""
    return put_in_order(asked, lambda case: observe(observer, answer, case, exercise.remote(case)))


def put_in_order(asked: Sequence[Case], run: Callable[[Case], Observation]) -> list[Observation]:
    """What `run` sees on each case, up to the first after which going on would be a waste of time."""
    observations: list[Observation] = []
    for case in asked:
        observations.append(run(case))
        error = observations[-1].error
        if error and error["kind"] in GIVEN_UP:
            break
    return observations


def _record(exercise_id: str, credit: float, misconception: str | None, milliseconds: float) -> None:
    try:
        record_attempt(exercise_id, credit, misconception, milliseconds)
    except Exception as error:  # whatever is wrong with a progress file, the check stands
        print(f"(This attempt was not recorded: {type(error).__name__}: {error})")


def _hidden_seed() -> int | None:
    """Hidden cases are added only while nbgrader grades, and only if the instructor set a seed."""
    if "NBGRADER_EXECUTION" not in os.environ or "COURSE_SEED" not in os.environ:
        return None
    # Far from the public seeds, and any text will do as a seed.
    return 1_000_000 + zlib.crc32(os.environ["COURSE_SEED"].encode())
