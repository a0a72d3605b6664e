"""From a frozen answer to its verdict: public cases, then hidden ones. Runs in the grader's process only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from autograder.asking import rubric_of
from autograder.case import Case
from autograder.cases import cases
from autograder.checking import GIVEN_UP, no_such_exercise, not_callable, put_in_order
from autograder.classroom import hidden
from autograder.classroom.implementations import implementations
from autograder.classroom.observing import without_words
from autograder.classroom.pulling import Room
from autograder.exercise import Exercise
from autograder.exercises import exercises, load, of_topic
from autograder.expectation import expect
from autograder.judge import judge
from autograder.observation import Observation
from autograder.observers import LearnerTestObserver
from autograder.open_questions import Explanation, Prediction
from autograder.verdict import Verdict

#: Independent draws of hidden cases. Points are lost only if an answer fails in all of them, so that a rare
#: misfortune of random numbers costs nobody anything.
DRAWS = 2
TRIES = 5
MOST_ASKED = 20  # checks outside their places that one notebook may have judged


class NoVerdict(Exception):
    """There is nothing to judge; the message is what `check` would have printed, or empty."""


@dataclass(frozen=True)
class Judged:
    """A verdict, and whether hidden cases cost points that the public ones gave."""

    verdict: Verdict
    hidden_failed: bool = False


def verdict(room: Room, slot: int, exercise_id: str, key: bytes) -> Judged:
    """Judge the answer that is frozen in a slot.

    Raises
    ------
    NoVerdict
        If there is no answer, or one that cannot be called.
    """
    exercise = load(exercise_id)
    asked = cases(exercise)
    seen = _observe(room, slot, exercise, asked, key)
    public = judge(exercise, asked, seen)
    # A test is put to the same implementations whatever the seed: there is nothing hidden about them but
    # their order, which it could not know the first time either.
    if not key or public.credit == 0 or isinstance(exercise.runner, LearnerTestObserver):
        return Judged(public)
    best: Verdict | None = None
    for draw in range(DRAWS):
        more = _hidden_cases(exercise, key, draw)
        both = judge(
            exercise,
            [*asked, *more],
            [*seen, *(without_words(one) for one in _observe(room, slot, exercise, more, key))],
        )
        if both.credit >= public.credit:
            return Judged(both)
        best = both if best is None or both.credit > best.credit else best
    assert best is not None
    return Judged(best, hidden_failed=True)


def _observe(
    room: Room, slot: int, exercise: Exercise, asked: Sequence[Case], key: bytes
) -> list[Observation]:
    """Put cases to a frozen answer; a learner's test gets them in an order that it cannot know."""
    if isinstance(exercise.runner, LearnerTestObserver):
        return _observe_test(room, slot, exercise, asked, key)
    return put_in_order(asked, lambda case: _one(room.observe(slot, exercise.runner, case, None), exercise))


def _observe_test(
    room: Room, slot: int, exercise: Exercise, asked: Sequence[Case], key: bytes
) -> list[Observation]:
    observations: dict[int, Observation] = {}
    with implementations(exercise, asked) as ready:
        for place, case in hidden.shuffled(key, exercise.id, asked):
            ready.begin(place)
            seen = _one(room.observe(slot, exercise.runner, case, ready), exercise)
            observations[place] = seen
            if seen.error and seen.error["kind"] in GIVEN_UP:
                return [seen]  # in any order, the rest would be a waste of time
    return [observations[place] for place in range(len(asked))]


def _one(seen: Observation | Mapping[str, Any], exercise: Exercise) -> Observation:
    if isinstance(seen, Observation):
        return seen
    raise NoVerdict("" if "missing" in seen else not_callable(exercise, str(seen["not_callable"])[:200]))


def _hidden_cases(exercise: Exercise, key: bytes, draw: int) -> Sequence[Case]:
    """Hidden cases that tell zeros from right results: a saturated loss may be as small as its rounding."""
    for attempt in range(TRIES):
        drawn = cases(exercise, hidden.seed(key, exercise.id, draw + DRAWS * attempt), hidden=True)
        if all(_tells(exercise, case) for case in drawn):
            break
    return drawn


def _tells(exercise: Exercise, case: Case) -> bool:
    known = expect(exercise, case)
    return any((abs(array) > known.tolerances[name]).any() for name, array in known.wanted.arrays.items())


@cache
def public_facts(topics: tuple[str, ...]) -> dict[str, Any]:
    """What a notebook may know while it is graded: ids, units of predictions, rubrics of explanations."""
    asked = [one for topic in topics for one in of_topic(topic).values()]
    return {
        "exercises": exercises(),
        "units": {one.id: one.unit for one in asked if isinstance(one, Prediction)},
        "rubrics": {one.id: rubric_of(one) for one in asked if isinstance(one, Explanation)},
    }


class Inside:
    """Judges checks that a notebook makes outside their places: on the public cases, and not without end.

    Parameters
    ----------
    known : collection of str
        The exercises of the notebook; it may not have others judged.
    """

    def __init__(self, known: Collection[str]) -> None:
        self._known = known
        self._left = MOST_ASKED

    def __call__(self, exercise_id: str, observe: Any) -> Mapping[str, Any]:
        """The verdict as JSON; where there is none, one of no points that says why."""
        self._left -= 1
        try:
            exercise = load(exercise_id)
        except KeyError:
            return _nothing(exercise_id, no_such_exercise(exercise_id))
        elsewhere = exercise_id not in self._known or isinstance(exercise.runner, LearnerTestObserver)
        if elsewhere or self._left < 0:
            return _nothing(
                exercise_id, f"{exercise_id} is judged where the lesson asks for it.", exercise.points
            )
        asked = cases(exercise)
        seen = put_in_order(asked, lambda case: observe(exercise.runner, case))
        return judge(exercise, asked, seen).to_json()


def _nothing(exercise_id: str, text: str, points: float = 0.0) -> Mapping[str, Any]:
    return Verdict(exercise_id, False, 0.0, points, (), None, (), text).to_json()
