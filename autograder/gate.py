"""The proof of an exercise: its checks are tested by the mistakes that they are to find.

CI holds it for every exercise. A false alarm, a right answer that is rejected, is the worst fault.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from autograder.case import Case
from autograder.cases import cases
from autograder.checking import observe_all
from autograder.declaration import declared, solution_lines, squeezed
from autograder.diagnosis import reproduces
from autograder.exercise import Exercise
from autograder.expectation import expect, mistaken
from autograder.impostors import impostors
from autograder.judge import judge
from autograder.misconception import Function, Misconception
from autograder.observers import Observer, trusting
from autograder.observers.arrays import NotAnArray, to_numpy, to_torch
from autograder.verdict import Verdict

MAX_LINES = 10  # of a verdict, wrapped: a headline, and nine below it
HOLE = 1e-6  # in float64, a tolerance this large (beside the result, or beside 1) lets mistakes through


def prove(
    exercise: Exercise,
    seeds: Sequence[int] = (0, 1, 2),
    dtypes: Sequence[str] = ("float64", "float32"),
) -> list[str]:
    """What is wrong with an exercise, one sentence for each fault; nothing if it is proven.

    Parameters
    ----------
    exercise : Exercise
        What is to be proven.
    seeds, dtypes : sequences
        Of the cases, which are tried in every combination.
    """
    faults = dict.fromkeys(declared(exercise), "")
    for seed in seeds:
        for dtype in dtypes:
            try:
                trial = Trial(exercise, cases(exercise, seed, dtype=dtype), dtype)
            except ValueError as error:
                faults.setdefault(str(error), f" (seed {seed}, {dtype})")
                continue
            for fault in trial.faults():
                faults.setdefault(fault, f" (seed {seed}, {dtype})")
    return [f"{exercise.id}: {fault}{where}" for fault, where in faults.items()]


@dataclass
class Trial:
    """One exercise on the cases of one seed and dtype, and every verdict that was given on the way."""

    exercise: Exercise
    asked: tuple[Case, ...]
    dtype: str
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    def faults(self) -> Iterator[str]:
        """Everything that is wrong here."""
        yield from _right_answers(self)
        yield from _impostors(self)
        yield from _misconceptions(self)
        yield from _own_work(self)
        yield from _groups(self)
        yield from _intermediates(self)
        if self.dtype == "float64":  # in which answers are judged
            yield from _tolerances(self)
            yield from _fingerprints(self)
        yield from _texts(self)

    def verdict(self, what: str, answer: Function, observer: Observer | None = None) -> Verdict:
        """Judge an answer, as a learner's unless another observer is given."""
        seen = observe_all(self.exercise, observer or self.exercise.runner, answer, self.asked)
        self.verdicts[what] = judge(self.exercise, self.asked, seen)
        return self.verdicts[what]


def _right_answers(trial: Trial) -> Iterator[str]:
    exercise = trial.exercise
    # The reference may call itself; everybody else has to do their own work.
    verdicts = {
        "the reference": trial.verdict("the reference", exercise.reference, trusting(exercise.runner))
    }
    for style, answer in exercise.correct.items():
        verdicts[f"the correct answer “{style}”"] = trial.verdict(style, answer)
    for what, verdict in verdicts.items():
        if not verdict.passed or verdict.credit != exercise.points:
            yield f"{what} is not accepted: {verdict.text}"


def _impostors(trial: Trial) -> Iterator[str]:
    for what, answer in impostors(trial.exercise).items():
        verdict = trial.verdict(what, answer, trusting(trial.exercise.runner))
        earning = [group.name for group in verdict.groups if group.earned]
        if verdict.passed or earning:
            yield f"{what} earns {verdict.credit:g} points in {', '.join(earning) or 'no group, but passes'}"
    if trial.verdicts["the stub"].problem != "unattempted":
        yield f"the stub counts as {trial.verdicts['the stub'].problem}, not as unattempted"


def _misconceptions(trial: Trial) -> Iterator[str]:
    exercise = trial.exercise
    for mistake in exercise.misconceptions.values():
        answer = mistake.on(exercise.reference)
        verdict = trial.verdict(mistake.id, answer, trusting(exercise.runner))
        if verdict.passed:
            yield f"the misconception {mistake.name} passes"
        elif verdict.misconceptions != (reported := _reported(exercise, mistake),):
            named = verdict.misconception or "nothing"
            yield f"the misconception {mistake.name} is reported as {named}, not as {reported}"


def _reported(exercise: Exercise, mistake: Misconception) -> str:
    twin = exercise.misconceptions.get(mistake.twin)
    return twin.id if twin else mistake.id


def _own_work(trial: Trial) -> Iterator[str]:
    reference = trial.exercise.reference
    if inspect.isclass(reference):
        answer: Function = type("Delegated", (reference,), {})
    else:
        answer = lambda *args, **kwargs: reference(*args, **kwargs)  # noqa: E731  # the same kind of thing
    verdict = trial.verdict("the reference, called", answer)
    if verdict.problem != "own_work" or verdict.credit:
        yield f"an answer that calls the reference is {verdict.problem}, with {verdict.credit:g} points"


def _groups(trial: Trial) -> Iterator[str]:
    for result in trial.verdicts["the reference"].groups:
        needed = trial.exercise.grouped[result.name].at_least
        if result.checks == 0:
            yield f"the group {result.name} has no checks"
        elif needed is not None and not 0 < needed <= result.checks:
            yield f"the group {result.name} asks for {needed} of its {result.checks} checks"


def _intermediates(trial: Trial) -> Iterator[str]:
    for step, compute in trial.exercise.intermediates.items():
        for case in trial.asked:
            try:
                to_numpy(compute(**{name: to_torch(value) for name, value in case.inputs.items()}))
            except (NotAnArray, ValueError, RuntimeError, TypeError) as error:
                yield f"the intermediate “{step}” cannot be computed with {case.name}: {error}"


def _tolerances(trial: Trial) -> Iterator[str]:
    for case in trial.asked:
        expected = expect(trial.exercise, case)
        for name, tolerance in expected.tolerances.items():
            if tolerance > HOLE * max(1.0, float(abs(expected.wanted.arrays[name]).max())):
                yield f"with {case.name}, the tolerance of {name} is {tolerance:.1g}: a hole"


def _fingerprints(trial: Trial) -> Iterator[str]:
    exercise = trial.exercise
    for one, other in combinations(exercise.misconceptions.values(), 2):
        theirs = {case: mistaken(exercise, case, one.on(exercise.reference)) for case in trial.asked}
        equal = reproduces(exercise, other.on(exercise.reference), theirs)
        declared_equal = other.twin == one.name or (other.twin == one.twin != "")
        if equal and not declared_equal:
            yield f"{other.name} cannot be told from {one.name}: say so with same_as, or add a case"
        elif declared_equal and not equal:
            yield f"{other.name} is declared the same as {one.name}, but its results differ"


def _texts(trial: Trial) -> Iterator[str]:
    solution = solution_lines(trial.exercise)
    for what, verdict in trial.verdicts.items():
        lines = verdict.text.splitlines()
        if len(lines) > MAX_LINES:
            yield f"the verdict on {what} has {len(lines)} lines, more than {MAX_LINES}"
        said = squeezed("".join(line for line in lines if not line.startswith("    line ")))
        for line in solution:
            if line in said:
                yield f"the verdict on {what} gives away a line of the solution: {line}"
