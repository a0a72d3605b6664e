"""Grading a class: ``course grade`` beside ``nbgrader autograde``, as processes, start-up included.

``make bench BENCH=grading`` takes the better part of half an hour, nearly all of it nbgrader's. A quick look:
``python -m benchmarks.grading --submissions 10``; only nbgrader's half: ``--only nbgrader``.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import lesson_class, light_assignment
from benchmarks.gradebooks import scores
from benchmarks.light_assignment import ASSIGNMENT, Scores, environment
from benchmarks.measured import Measured, cores, measure

SUBMISSIONS = 50
AIM, FACTOR, EXTRA = 20, 1.5, 10.0  # times as fast; times the students' own time, and seconds more
Who = Literal["nbgrader", "course"]
COMMANDS: dict[Who, tuple[str, ...]] = {"nbgrader": ("nbgrader", "autograde"), "course": ("course", "grade")}


@dataclass(frozen=True)
class Floor:
    """What no grader can avoid, from the run's ledger: CPU seconds of students' cells, and of judging."""

    cells: float
    judging: float

    @property
    def wall(self) -> float:
        """The cells alone, spread over all cores."""
        return self.cells / cores()


def tables(submissions: int = SUBMISSIONS, only: Who | None = None) -> Iterator[Table]:
    """The light assignment in both graders, and lesson 01 in ours; ``only`` leaves out the other grader.

    Raises
    ------
    SystemExit
        If a score is not the known one, or a command fails: such a time means nothing.
    """
    with tempfile.TemporaryDirectory(prefix="grading-") as folder:
        yield _light(Path(folder), submissions, only)
        if only != "nbgrader":
            yield _lesson(Path(folder), submissions)


def _light(folder: Path, submissions: int, only: Who | None) -> Table:
    made = folder / "light"
    made.mkdir()
    known = light_assignment.make(made, submissions)
    shown = _table(f"{submissions} submissions of two notebooks with torch, numpy and matplotlib")
    runs: dict[Who, Measured] = {}
    for who, command in COMMANDS.items():
        if only in (None, who):
            root = folder / who
            shutil.copytree(made, root)
            load = os.getloadavg()[0]
            runs[who] = _graded(root, root / "gradebook.db", [*command, ASSIGNMENT], ASSIGNMENT, known)
            _add(shown, " ".join(command), runs[who], submissions, cores() if who == "course" else 1, load)
    said = [f"The scores of {len(known)} students are the known ones in each gradebook, to the last digit."]
    if "course" in runs:
        ours = runs["course"].wall
        floor = _floor(shown, folder / "course", ASSIGNMENT, submissions)
        said.append(f"Between the floor and the run lie {ours - floor.wall:.1f} s.")
        if "nbgrader" in runs:
            slow = runs["nbgrader"].wall
            times, at_floor = slow / ours, slow / floor.wall
            said.append(
                f"{times:.1f} times as fast (the aim: {AIM}); at the floor it would be {at_floor:.0f}."
            )
    shown.caption = "\n".join(said)
    return shown


def _lesson(folder: Path, submissions: int) -> Table:
    root = folder / "clone"
    root.mkdir()
    known = lesson_class.make(root, submissions)
    load = os.getloadavg()[0]
    command = [*COMMANDS["course"], lesson_class.LESSON]
    run = _graded(root, root / "classroom" / "gradebook.db", command, lesson_class.LESSON, known)
    shown = _table(f"{submissions} honest submissions of lesson 01")
    _add(shown, "course grade", run, submissions, cores(), load)
    most = FACTOR * _floor(shown, root, lesson_class.LESSON, submissions).wall + EXTRA
    kept = "kept" if run.wall <= most else "missed"
    shown.caption = f"{FACTOR} × (the cells / cores) + {EXTRA:g} s = {most:.1f} s: {kept}."
    return shown


def _table(title: str) -> Table:
    shown = Table(box=None, title=f"{title}; {cores()} cores", caption_justify="left")
    shown.add_column("")
    for heading in ("s", "s each", "CPU s", "memory", "per worker", "load before"):
        shown.add_column(heading, justify="right")
    return shown


def _add(shown: Table, name: str, run: Measured, submissions: int, workers: int, load: float) -> None:
    memory, per_worker = f"{run.memory / 1e6:.0f} MB", f"{run.memory / workers / 1e6:.0f} MB"
    each = f"{run.wall / submissions:.2f}"
    shown.add_row(name, f"{run.wall:.1f}", each, f"{run.cpu:.1f}", memory, per_worker, f"{load:.1f}")


def _floor(shown: Table, root: Path, assignment: str, submissions: int) -> Floor:
    """Read the floor from the run's ledger, and add its rows."""
    from autograder.classroom.ledger import Ledger

    with Ledger(root / "classroom" / "grading.sqlite", writable=False) as ledger:
        notebooks = [one for outcome in ledger.outcomes(assignment) for one in outcome.notebooks]
    cells = sum(one.cpu_seconds for one in notebooks)
    floor = Floor(cells, sum(one.judging_seconds for one in notebooks))
    each = f"{floor.wall / submissions:.2f}"
    shown.add_row("the students' own cells", f"{floor.wall:.1f}", each, f"{cells:.1f}")
    shown.add_row("observing and judging", "", "", f"{floor.judging:.1f}")
    return floor


def _graded(root: Path, gradebook: Path, command: list[str], assignment: str, known: Scores) -> Measured:
    """Grade a class, and compare every score with the known one."""
    run = measure([sys.executable, "-m", *command], root, environment())
    if run.code:
        raise SystemExit(f"{' '.join(command)} ended with status {run.code}:\n{run.said}")
    found = scores(gradebook, assignment)
    wrong = [
        f"{student} {cell}: {found.get(student, {}).get(cell)} instead of {points}"
        for student, cells in known.items()
        for cell, points in cells.items()
        if found.get(student, {}).get(cell) != points
    ]
    if wrong or found.keys() != known.keys():
        raise SystemExit(f"{' '.join(command)}: {len(wrong)} scores differ.\n" + "\n".join(wrong[:10]))
    return run


def _main(submissions: int = SUBMISSIONS, only: str = "") -> None:
    """Print the tables for a class of another size."""
    for table in tables(submissions, only or None):  # type: ignore[arg-type]
        Console(width=140).print(table)


if __name__ == "__main__":
    typer.run(_main)
