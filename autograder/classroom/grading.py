"""Grade one submission, anywhere: bytes in, scores and notebooks out. What an executor's workers run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import nbformat
from nbformat import NotebookNode

from autograder.classroom.assignment import Assignment, NotebookSpec
from autograder.classroom.judging import public_facts
from autograder.classroom.outcome import CellGrade, NotebookOutcome, Outcome, Problem, Status, status_of
from autograder.classroom.restoring import restore
from autograder.classroom.sitting import Sitting, topics_of
from autograder.classroom.task import Result, Task
from autograder.classroom.waiting import Stopped
from autograder.classroom.warmed import close, prepare, warmed

__all__ = ["close", "grade", "prepare"]


def grade(task: Task) -> Result:
    """Grade one submission.

    Parameters
    ----------
    task : Task

    Returns
    -------
    Result
        The outcome, the autograded notebooks, and the files beside them.

    Raises
    ------
    IsolationError
        If this machine cannot isolate a notebook, and the task does not say that this is accepted.
    """
    started = time.monotonic()
    submission, assignment = task.submission, task.assignment
    prepare()
    for spec in assignment.notebooks:
        public_facts(topics_of(spec))  # the judge is loaded while the warmed process warms up
    problems = list(submission.problems)
    beside = {name: content for name, content in submission.files.items() if not _released(name, assignment)}
    beside |= assignment.files
    files = dict(beside)
    notebooks = []
    alone = False
    for spec in assignment.notebooks:
        name = f"{spec.name}.ipynb"
        raw = submission.files.get(name)
        if raw is None:
            notebooks.append(NotebookOutcome(name=spec.name, graded=False, grades=_zeros(spec, problems)))
            continue
        notebook, mended = restore(raw, spec)
        problems += mended
        if notebook is None:
            notebooks.append(NotebookOutcome(name=spec.name, graded=False))
            continue
        sitting, graded = _sit(spec, task, beside, notebook)
        problems += sitting.problems
        alone = alone or sitting.alone
        notebooks.append(graded)
        files[name] = nbformat.v4.writes(notebook).encode() + b"\n"
    if not any(notebook.graded for notebook in notebooks):  # nothing is known, so nothing is a 0
        notebooks = [notebook.model_copy(update={"grades": []}) for notebook in notebooks]
    outcome = Outcome(
        student=submission.student,
        assignment=assignment.name,
        status=_status(notebooks, problems),
        digest=submission.digest,
        timestamp=submission.timestamp,
        notebooks=notebooks,
        problems=problems,
        wall_seconds=time.monotonic() - started,
        alone=alone,
    )
    return Result(outcome, files)


def _sit(
    spec: NotebookSpec, task: Task, beside: Mapping[str, bytes], notebook: NotebookNode
) -> tuple[Sitting, NotebookOutcome]:
    """Grade a notebook; if the warmed process fails, once more with another one."""
    try:
        sitting = Sitting(warmed(task.unsafe), spec, task, beside)
        return sitting, sitting.grade(notebook)
    except Stopped:
        close()
        sitting = Sitting(warmed(task.unsafe), spec, task, beside)
        return sitting, sitting.grade(notebook)


def _released(name: str, assignment: Assignment) -> bool:
    return any(name == f"{spec.name}.ipynb" for spec in assignment.notebooks)


def _zeros(spec: NotebookSpec, problems: Sequence[Problem]) -> list[CellGrade]:
    """What nbgrader gives for a notebook that was not handed in; nothing if it could not be read."""
    unread = [one for one in problems if one.kind in ("unreadable", "too_large")]
    if any(one.notebook in (spec.name, None) for one in unread):  # None: the whole folder could not be read
        return []
    return [CellGrade(grade_id=cell.grade_id, points=cell.points, score=0.0) for cell in spec.graded]


def _status(notebooks: Sequence[NotebookOutcome], problems: list[Problem]) -> Status:
    if not any(notebook.graded for notebook in notebooks):
        return "could not be graded"
    return status_of(problems)
