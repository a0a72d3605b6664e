"""Grading an assignment: every submission a task for an executor, and one writer for what comes back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import ExitStack
from pathlib import Path

from autograder.classroom import lock, secret
from autograder.classroom.folder import Folder
from autograder.classroom.ledger import Ledger
from autograder.classroom.loop import Loop
from autograder.classroom.merging import Merger
from autograder.classroom.options import Options
from autograder.classroom.source import Source
from autograder.classroom.summary import Summary
from autograder.classroom.task import Result, Task
from autograder.classroom.workers import Workers, as_workers


def run(
    root: Path,
    assignment: str,
    executor: Workers | Executor,
    options: Options | None = None,
    *,
    grade: Callable[[Task], Result] | None = None,
    source: Source | None = None,
) -> Summary:
    """Grade what was handed in, enter it in the gradebook and write the autograded folders.

    Every result is stored in the ledger before anything else is done with it: ended at any moment and
    started again, a run grades nothing twice and loses nothing.

    Parameters
    ----------
    root : Path
        The course folder.
    assignment : str
        As nbgrader names it: ``01_infonce``.
    executor : Workers or Executor
        Where tasks run. Only `Workers` can be made anew after one of its processes died.
    grade : callable, optional
        What is done with a task; by default `autograder.classroom.grading.grade`.

    Returns
    -------
    Summary

    Raises
    ------
    GradingError
        If grading cannot begin or go on; what is graded is kept.
    """
    options = options or Options()
    folder = Folder(root, options.db_url)
    source = source or Source(folder.root, assignment, options.db_url)
    with ExitStack() as stack:
        stack.enter_context(lock.alone(folder.own / "grading.lock"))
        ledger = stack.enter_context(Ledger(folder.ledger))
        merger = stack.enter_context(Merger(folder, ledger, source.assignment))
        of_class = secret.secret(folder.own)
        loop = Loop(source, ledger, merger, as_workers(executor), grade or _grade(), of_class, options)
        return loop.go()


def _grade() -> Callable[[Task], Result]:
    from autograder.classroom.grading import grade

    return grade
