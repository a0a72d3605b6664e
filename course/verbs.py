"""What the command's verbs do: each prints what a person wants to know, or raises a `CourseError`.

Each imports its package when it is called: torch alone takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from course import paths
from course.errors import CourseError

__all__ = [
    "build",
    "fetch",
    "grade",
    "hint",
    "lab",
    "lint",
    "next_up",
    "reset",
    "solution",
    "status",
    "update",
]


def lab(
    lesson: str | None,
    options: Sequence[str],
    port: int | None,
    ip: str,
    browser: bool | None,
    for_a_class: bool,
) -> int:
    """Open JupyterLab on the learner's copies, or on the whole course; return the exit status."""
    if for_a_class:
        from course.classroom import classroom

        return classroom(port=port, ip=ip, browser=browser, options=options)
    from course.lab import lab

    return lab(lesson, port=port, ip=ip, browser=browser, options=options)


def status() -> None:
    """Print what is solved and what is left, by lesson."""
    from autograder import study

    study.status()


def next_up() -> None:
    """Print which exercise comes next, and where it is."""
    from autograder import study

    study.next_up()


def hint(exercise_id: str, level: int | None = None) -> None:
    """Print the next hint for an exercise, or the one of a given level."""
    from autograder import study

    _must_exist(exercise_id)
    study.hint(exercise_id, level)


def solution(exercise_id: str, *, anyway: bool = False) -> None:
    """Print a worked answer; with hints left it asks first, unless `anyway` is given."""
    from autograder import study

    _must_exist(exercise_id)
    study.solution(exercise_id, paths.solutions_dir(), anyway=anyway)


def reset(name: str) -> None:
    """Put fresh copies of a lesson or one of its files into ``work/``; the old ones are backed up first."""
    from course import workspace

    changes = workspace.reset(name, paths.work_dir(), paths.notebooks_dir())
    for change in changes:
        print(change)
    if not changes:
        print(f"Nothing to do: your copy of {name} is as it was released.")


def update() -> None:
    """Bring the copies in ``work/`` to the present release; every answer is kept."""
    from course import workspace

    changes = workspace.update(paths.work_dir(), paths.notebooks_dir())
    for change in changes:
        print(change)
    if not changes:
        print("Nothing to do: your lessons are those of the present release.")


def claims(everything: bool = False) -> int:
    """Print the claims ledger with fresh measurements; return the exit status, 1 if one has drifted."""
    from course.claims import print_claims

    return int(not print_claims(paths.root() / "docs" / "claims.yaml", everything))


def fetch(name: str | None) -> None:
    """Bring a model into the cache folder; without a name, print which there are."""
    from course import fetch as fetching

    if name is None:
        fetching.print_models()
    else:
        fetching.fetch(name)


def grade(name: str, **asked: Any) -> int:
    """Grade an assignment or one notebook and print what came of it; return the exit status."""
    from course.grading import Asked, grade

    return grade(Asked(name, **asked))


def build(check: bool = False) -> int:
    """Build the notebooks and the index, or check that they are built; return the exit status."""
    from autograder.notebooks.command import build

    return build(paths.root(), check)


def lint() -> int:
    """Print what the linter finds in the lesson sources; return the exit status."""
    from autograder.notebooks.lint import lint
    from autograder.notebooks.source import SourceError

    try:
        problems = lint(paths.root())
    except SourceError as error:
        raise CourseError(str(error)) from error
    for problem in problems:
        print(problem)
    if not problems:
        print("The lesson sources are in order.")
    return int(bool(problems))


def _must_exist(exercise_id: str) -> None:
    from autograder import study

    if missing := study.no_such_exercise(exercise_id):
        raise CourseError(missing)
