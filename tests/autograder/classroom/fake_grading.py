"""What workers do in tests of the loop: the student's name says what happens, a folder keeps count."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from made_up import made_up

from autograder.classroom.outcome import Outcome, Problem
from autograder.classroom.task import Result, Task

CONTROL = "control-folder"  # a support file that names the folder for the count


def prepare() -> None:
    """Start at once."""


def close() -> None:
    """Nothing to end."""


def fail_to_start() -> None:
    raise RuntimeError("no torch here")


def grade(task: Task) -> Result:
    """Give everybody 3 points a cell, unless the name asks for something else."""
    student = task.submission.student
    control = Path(os.fsdecode(task.assignment.files[CONTROL]))
    tries = _count(control, student)
    if student.startswith("dies") or (student == "a-once" and tries == 1):
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGSEGV if student.endswith("segv") else signal.SIGKILL)
    if student.startswith("exits"):
        os._exit(7)
    if student.startswith("raises"):
        raise ZeroDivisionError("the grader divided by zero")
    if student.startswith("clock"):
        beside = len(list(control.glob("*.running")))
        alone = student == "clock-always" or tries == 1
        problem = Problem(kind="timed_out", text="It ran into the wall clock.", notebook="one")
        usual = _usual(task)
        outcome = usual.outcome.model_copy(update={"alone": alone, "wall_seconds": float(beside)})
        if alone:
            outcome = outcome.model_copy(update={"problems": [problem], "status": "graded with problems"})
        return Result(outcome, usual.files)
    if student.startswith("unreadable"):
        problem = Problem(kind="unreadable", text="It is no notebook.", notebook="one")
        return Result(
            Outcome(
                student=student,
                assignment=task.assignment.name,
                status="could not be graded",
                problems=[problem],
            )
        )
    marker = control / f"{student}.running"
    marker.touch()
    try:
        time.sleep(float(os.fsdecode(task.assignment.files.get("seconds", b"0"))))
    finally:
        marker.unlink()
    result = _usual(task)
    if student.startswith("strange"):  # the gradebook knows no such cell
        grades = result.outcome.notebooks[0].grades
        grades[0] = grades[0].model_copy(update={"grade_id": "no-such"})
    if student.startswith("escapes"):
        return Result(result.outcome, {"../../../gradebook.db": b"forged"})
    return result


def _usual(task: Task) -> Result:
    score = float(os.fsdecode(task.assignment.files.get("score", b"3")))
    result = made_up(task.assignment, task.submission.student, score)
    return Result(result.outcome, dict(task.submission.files))


def _count(control: Path, student: str) -> int:
    with (control / f"{student}.tries").open("a") as file:
        file.write(f"{os.getpid()}\n")
    return len((control / f"{student}.tries").read_text().splitlines())
