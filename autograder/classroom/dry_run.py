"""Whose score a changed exercise would change: graded again in memory, and nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

from autograder.classroom import secret
from autograder.classroom.deciding import changed
from autograder.classroom.dispatching import Dispatcher, Failure, Job
from autograder.classroom.entries import Entry
from autograder.classroom.folder import Folder
from autograder.classroom.ledger import Ledger
from autograder.classroom.options import Options
from autograder.classroom.outcome import Outcome
from autograder.classroom.source import Source
from autograder.classroom.task import Result, Task
from autograder.classroom.telling import number
from autograder.classroom.workers import Workers, as_workers


@dataclass(frozen=True)
class Difference:
    """One cell of one submission whose score would change."""

    student: str
    notebook: str
    cell: str
    old: float | None
    new: float | None

    def __str__(self) -> str:
        return f"{self.student}: {self.notebook}/{self.cell} {number(self.old)} → {number(self.new)}"


@dataclass
class Changes:
    """What grading again would change.

    Attributes
    ----------
    exercises : Counter
        Changed exercises, with the number of submissions graded before.
    compared : int
        How many submissions were graded again.
    ungraded : list of str
        Students who were not graded yet, or handed in something else since.
    failed : dict of str to str
        Students whose submission could not be graded now, and why.
    """

    assignment: str
    exercises: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    differences: list[Difference] = field(default_factory=list)
    ungraded: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """The changes, line by line."""
        for name, count in sorted(self.exercises.items()):
            graded = "1 submission was" if count == 1 else f"{count} submissions were"
            yield f"{name} changed since {graded} graded."
        yield from map(str, sorted(self.differences, key=lambda d: (d.student, d.notebook, d.cell)))
        for student, why in sorted(self.failed.items()):
            yield f"{student}: cannot be graded now: {why}"
        students = len({difference.student for difference in self.differences})
        if self.compared:
            yield (
                f"{self.compared} graded again in memory, {students} would have another score. Nothing was "
                f"written; `course grade {self.assignment} --regrade` enters it, and keeps manual marks."
            )
        else:
            yield "No exercise changed since these submissions were graded. Nothing was written."
        if self.ungraded:
            yield f"{len(self.ungraded)} would be graded for the first time, or in a new version."


def dry_run(
    root: Path,
    assignment: str,
    executor: Workers | Executor,
    options: Options,
    *,
    grade: Callable[[Task], Result],
    source: Source | None = None,
) -> Changes:
    """Grade again, in memory, what was graded with an earlier version of an exercise, and compare.

    Parameters
    ----------
    options : Options
        With `regrade`, everything that was graded.

    Raises
    ------
    GradingError
        If grading cannot begin or go on.
    """
    folder = Folder(root, options.db_url)
    source = source or Source(folder.root, assignment, options.db_url)
    of_class = secret.secret(folder.own, make=False)
    limits = options.limits_for(source.assignment)
    changes = Changes(assignment)
    before: dict[str, Entry] = {}

    def task(job: Job) -> Task:
        submission = source.read(job.folder) if job.alone else job.submission
        key = secret.key(of_class, submission.student)
        return Task(submission, source.assignment, key, limits, options.unsafe)

    def jobs() -> Iterator[Job]:
        for name in source.chosen(options.students):
            submission = source.read(name)
            entry = ledger.entry(assignment, submission.student)
            if entry is None or entry.digest != submission.digest:
                changes.ungraded.append(submission.student)
                continue
            found = changed(entry, source.assignment.versions)
            changes.exercises.update(found)
            if found or options.regrade:
                before[submission.student] = entry
                yield Job(name, submission)

    dispatcher = Dispatcher(as_workers(executor), grade, task)
    with Ledger(folder.ledger, writable=False) as ledger, dispatcher.interruptible():
        for job, result in dispatcher.results(jobs()):
            student = job.submission.student
            entry = before.pop(student)
            if isinstance(result, Failure):
                changes.failed[student] = result.text
            elif result.outcome.status == "could not be graded":
                changes.failed[student] = "; ".join(p.text for p in result.outcome.problems)
            else:
                changes.compared += 1
                changes.differences += _differences(entry.outcome, result.outcome)
    return changes


def _differences(old: Outcome, new: Outcome) -> Iterator[Difference]:
    scores = {(n.name, g.grade_id): g.score for n in old.notebooks for g in n.grades}
    for notebook in new.notebooks:
        for grade in notebook.grades:
            was = scores.get((notebook.name, grade.grade_id))
            if was != grade.score:
                yield Difference(old.student, notebook.name, grade.grade_id, was, grade.score)
