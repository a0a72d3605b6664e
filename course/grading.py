"""``course grade``: a class, or one notebook, graded in isolation."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from course import paths
from course.chosen import course_folder, meant
from course.errors import CourseError

if TYPE_CHECKING:
    from autograder.classroom.options import Options
    from autograder.classroom.workers import Workers

__all__ = ["Asked", "grade"]

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Asked:
    """What was asked for on the command line; see ``course grade --help``."""

    name: str
    students: Sequence[str] = ()
    jobs: int | None = None
    regrade: bool = False
    dry_run: bool = False
    unsafe: bool = False
    cell_seconds: float | None = None
    db: str | None = None
    scheduler: str | None = None
    root: Path | None = None
    assignment: str | None = None
    into: Path | None = None


def grade(asked: Asked) -> int:
    """Grade and print what came of it; return the exit status.

    Returns
    -------
    int
        0; 1 if some could not be graded; 130 after Ctrl-C.

    Raises
    ------
    CourseError
        If grading cannot begin or go on.
    """
    if sys.platform != "linux":
        raise CourseError(
            "`course grade` runs submissions in isolation, which needs Linux: use Linux, WSL 2 or a "
            "container, or grade people whom you trust with `nbgrader autograde`."
        )
    from autograder.classroom.errors import GradingError

    one = asked.name.endswith(".ipynb")
    if asked.into and not one:
        raise CourseError("--into names the file for one graded notebook: give a FILE.ipynb to grade.")
    if one and (asked.students or asked.dry_run or asked.scheduler):
        raise CourseError("One notebook is graded here and now: no students, --dry-run or --scheduler.")
    try:
        return _one(asked) if one else _class(asked)
    except GradingError as error:
        raise CourseError(str(error)) from error


def _class(asked: Asked) -> int:
    import autograder.classroom.quick  # noqa: F401  # before nbgrader

    root = course_folder(asked.root)
    with _workers(asked, root) as workers:  # they warm up while we import and read
        from autograder.classroom.folder import Folder
        from autograder.classroom.grading import grade as work
        from autograder.classroom.running import run

        folder = Folder(root, asked.db)
        name = meant(asked.name, folder.assignments())
        if asked.dry_run:
            from autograder.classroom.dry_run import dry_run

            changes = dry_run(root, name, workers(), _options(asked), grade=work)
            _say(changes.lines())
            return int(bool(changes.failed))
        _register(folder, name)
        summary = run(root, name, workers(), _options(asked), grade=work)
    _say(summary.lines())
    return summary.exit_status


def _one(asked: Asked) -> int:
    import autograder.classroom.quick  # noqa: F401  # before nbgrader

    root = asked.root.resolve() if asked.root else paths.root()
    with _workers(replace(asked, jobs=1), root) as workers:
        from autograder.classroom.folder import Folder
        from autograder.classroom.grading import grade as work
        from autograder.classroom.one_notebook import grade_notebook, lines

        name = meant(asked.assignment, Folder(root).assignments()) if asked.assignment else None
        result = grade_notebook(Path(asked.name), root, name, workers(), _options(asked), grade=work)
    _say(lines(result.outcome))
    if asked.into and result.files:
        _write(asked.into, result.files[f"{result.outcome.notebooks[0].name}.ipynb"])
    return int(result.outcome.status == "could not be graded")


def _register(folder: Folder, name: str) -> None:
    """Enter our lessons in the gradebook if the one to be graded is not there yet."""
    from autograder.classroom.gradebook import Writer
    from course.classroom import register

    if not any((folder.root / "solutions" / name).glob("*.py")):
        return  # not one of ours: reading it says what is missing
    folder.own.mkdir(exist_ok=True)  # sqlite makes the gradebook, but not its folder
    with Writer(folder.db_url, folder.course_id) as writer:
        if writer.knows(name):
            return
    print(f"Not in the gradebook yet; entering the lessons: {', '.join(register(folder.root))}.", flush=True)


def _options(asked: Asked) -> Options:
    from autograder.classroom.options import Options
    from autograder.classroom.task import Limits

    # None: the assignment's own, which is not read yet.
    limits = None if asked.cell_seconds is None else Limits.of_cell(asked.cell_seconds)
    return Options(tuple(asked.students), asked.regrade, asked.unsafe, limits, asked.db)


@contextmanager
def _workers(asked: Asked, root: Path) -> Iterator[Callable[[], Workers]]:
    """Begin to make workers aside; what the block gets waits for them. They end with the block."""
    with ThreadPoolExecutor(1) as aside:
        making = aside.submit(_made, asked, root)
        try:
            yield making.result
        except BaseException:
            making.result().close(now=True)
            raise
        making.result().close()


def _made(asked: Asked, root: Path) -> Workers:
    from functools import partial

    from autograder.classroom.held import held
    from autograder.classroom.pool import Pool
    from autograder.classroom.warmed import adopt, close, prepare, share

    if asked.scheduler:
        from autograder.classroom.cluster import Cluster

        return Cluster(asked.scheduler, prepare, close, partial(held, asked.unsafe))
    jobs = asked.jobs or len(os.sched_getaffinity(0))
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # each process of the pool computes on one core
    judge = ["autograder.classroom.preloaded"] if any(root.glob("solutions/[0-9][0-9]_*/*.py")) else []
    return Pool(jobs, partial(adopt, share()), close, partial(held, asked.unsafe), judge)


def _say(lines: Iterable[str]) -> None:
    from autograder.classroom.telling import printable

    for text in lines:  # a verdict has several lines
        print(*map(printable, text.split("\n")), sep="\n")


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror}.") from error
    print(f"Written: {path}")
