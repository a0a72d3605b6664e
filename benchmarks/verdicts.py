"""How long a learner waits for a verdict, exercise by exercise. The aim is 150 ms in the median."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from rich.table import Table

from autograder import Exercise, cases, exercises, judge
from autograder.checking import observe_all
from autograder.exercises import load
from autograder.misconception import Function
from autograder.observers import trusting

REPEATS = 20


def tables() -> Iterator[Table]:
    """Milliseconds: the first call, right answers, and each misconception as the answer."""
    shown = Table(box=None, title="A verdict, in ms: medians, but for the first call")
    shown.add_column("exercise", no_wrap=True)
    for heading in ("first", "right", "mistakes", "slowest"):
        shown.add_column(heading, justify="right")
    everything: list[float] = []
    for exercise_id in exercises():
        exercise = load(exercise_id)
        answer = next(iter(exercise.correct.values()))
        first, *later = [_milliseconds(exercise, answer) for _ in range(REPEATS + 1)]
        mistakes = [
            statistics.median(_milliseconds(exercise, mistake.on(exercise.reference)) for _ in range(REPEATS))
            for mistake in exercise.misconceptions.values()
        ]
        row = (first, statistics.median(later), statistics.median(mistakes), max(mistakes))
        shown.add_row(exercise_id, *(f"{value:.1f}" for value in row))
        everything += [statistics.median(later), *mistakes]
    shown.add_section()
    shown.add_row("all", "", "", f"{statistics.median(everything):.1f}", f"{max(everything):.1f}")
    yield shown


def _milliseconds(exercise: Exercise, answer: Function) -> float:
    """Of what `examine` does. Mistakes may call references here: "own work" would spare us the diagnosis."""
    started = time.perf_counter()
    asked = cases(exercise)
    judge(exercise, asked, observe_all(exercise, trusting(exercise.runner), answer, asked))
    return 1000 * (time.perf_counter() - started)
