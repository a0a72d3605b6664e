"""Grading one notebook file: no course folder, no gradebook, nothing written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path

from autograder.classroom import releases, secret
from autograder.classroom.assignment import Assignment, NotebookSpec
from autograder.classroom.dispatching import Dispatcher, Failure, Job
from autograder.classroom.errors import GradingError
from autograder.classroom.folder import Folder
from autograder.classroom.loop import finished
from autograder.classroom.options import Options
from autograder.classroom.outcome import CellGrade, Outcome
from autograder.classroom.parsing import grade_ids
from autograder.classroom.released_only import read_release
from autograder.classroom.task import Result, Submission, Task
from autograder.classroom.telling import number
from autograder.classroom.tree import LIMITS
from autograder.classroom.workers import Workers, as_workers

SUFFIX = ".ipynb"


def grade_notebook(
    path: Path,
    root: Path,
    assignment: str | None,
    executor: Workers | Executor,
    options: Options,
    *,
    grade: Callable[[Task], Result],
) -> Result:
    """Grade a notebook file against what was released in a course.

    Parameters
    ----------
    path : Path
        The notebook, wherever it lies and whatever it is called.
    root : Path
        The course that it belongs to; nothing in it is written.
    assignment : str, optional
        By default the one whose cells the notebook has.

    Returns
    -------
    Result
        With the autograded notebook under its released name.

    Raises
    ------
    GradingError
        If the file cannot be read, or belongs to no assignment.
    """
    content = _content(path)
    folder = Folder(root, options.db_url)
    released, spec = _meant(grade_ids(content), folder, assignment)
    one = released.model_copy(update={"notebooks": (spec,)})
    student = path.stem
    digest = hashlib.sha256(content).hexdigest()
    submission = Submission(student, one.name, {f"{spec.name}{SUFFIX}": content}, digest=digest)
    key = secret.key(secret.secret(folder.own, make=False), student)

    def task(job: Job) -> Task:
        return Task(submission, one, key, options.limits_for(one), options.unsafe)

    dispatcher = Dispatcher(as_workers(executor), grade, task)
    with dispatcher.interruptible():
        found = list(dispatcher.results(iter([Job(student, submission)])))
    if not found:
        raise GradingError("Ended at your wish; nothing was graded.")
    job, result = found[0]
    outcome, files = finished(job, result, one.name)
    return Result(outcome, {} if isinstance(result, Failure) else files)


def lines(outcome: Outcome) -> Iterator[str]:
    """The verdicts and the score, line by line."""
    for notebook in outcome.notebooks:
        yield from (line for grade in notebook.grades for line in _of_cell(grade))
    for problem in outcome.problems:
        yield f"{'note' if problem.note else 'problem'}: {problem.text}"
    if outcome.status == "could not be graded":
        yield "could not be graded"
        return
    grades = [grade for notebook in outcome.notebooks for grade in notebook.grades]
    possible = sum(grade.points for grade in grades)
    by_hand = sum(grade.points for grade in grades if grade.score is None)
    rest = f", {by_hand:g} of them for a person to give" if by_hand else ""
    yield f"{outcome.status}: {outcome.score:g} of {possible:g} points{rest}"


def _of_cell(grade: CellGrade) -> Iterator[str]:
    if grade.verdict:
        yield str(grade.verdict["text"])
    else:
        label = " (self-reported)" if grade.self_reported else ""
        yield f"{grade.grade_id}: {number(grade.score)} of {grade.points:g} points{label}"
    if grade.hidden_failed:
        yield f"  hidden cases failed: {number(grade.score)} of {grade.points:g} points"


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise GradingError(f"{path} is not a file.")
        if path.stat().st_size > LIMITS.file_bytes:
            raise GradingError(f"{path} is larger than {LIMITS.file_bytes >> 20} MB.")
        return path.read_bytes()
    except OSError as error:
        raise GradingError(f"{path} cannot be read: {error.strerror}.") from error


def _meant(found: frozenset[str], folder: Folder, name: str | None) -> tuple[Assignment, NotebookSpec]:
    """The assignment and the notebook of it that has most of the cells found."""
    best: tuple[int, str, str] = (0, "", "")
    for assignment in [name] if name else folder.assignments():
        for path in sorted(folder.release(assignment).glob(f"*{SUFFIX}")):
            shared = len(found & grade_ids(path.read_bytes()))
            best = max(best, (shared, assignment, path.stem))
    shared, assignment, notebook = best
    if not shared:
        where = f"of {name}" if name else f"of what {folder.root} released"
        raise GradingError(f"The notebook has none of the cells {where}.")
    try:
        released = releases.read_assignment(folder.root, assignment, folder.db_url)
    except releases.ReleaseError:  # no gradebook is needed for what has no hidden tests
        released = read_release(folder.root, assignment)
    return released, next(spec for spec in released.notebooks if spec.name == notebook)
