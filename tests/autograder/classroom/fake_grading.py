"""What workers do in tests of the loop: the student's name says what happens, a folder keeps count."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import small_course

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
    if student.startswith("dies") or (student.startswith("dies-once") and tries == 1):
        if student.startswith("dies-once") and tries > 1:
            return _usual(task)
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
    result = small_course.made_up(task.assignment, task.submission.student, score)
    return Result(result.outcome, dict(task.submission.files))


def _count(control: Path, student: str) -> int:
    with (control / f"{student}.tries").open("a") as file:
        file.write(f"{os.getpid()}\n")
    return len((control / f"{student}.tries").read_text().splitlines())


def main() -> None:
    """Run in a process of its own, to be killed: root, control folder, seconds of each submission."""
    from autograder.classroom.running import run
    from autograder.classroom.workers import local

    root, control, seconds = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    workers = local(2, prepare, close)
    try:
        summary = run(
            root,
            small_course.NAME,
            workers,
            grade=grade,
            source=Controlled(root, Path(control), seconds=seconds),
        )
    finally:
        workers.close()
    print("\n".join(summary.lines()))
    sys.exit(summary.exit_status)


class Controlled(small_course.Small):
    """The small course, with what the fake grading reads among its support files."""

    def __init__(self, root: Path, control: Path, versions=None, **files: str) -> None:
        super().__init__(root, versions)
        self.control, self.files = control, files
        control.mkdir(exist_ok=True)

    def assignment(self, name):
        extra = {CONTROL: os.fsencode(self.control)}
        extra |= {key: value.encode() for key, value in self.files.items()}
        found = super().assignment(name)
        return found.model_copy(update={"files": found.files | extra})

    def tries(self) -> dict[str, int]:
        """How often each student was graded."""
        return {p.stem: len(p.read_text().splitlines()) for p in sorted(self.control.glob("*.tries"))}


if __name__ == "__main__":
    main()
