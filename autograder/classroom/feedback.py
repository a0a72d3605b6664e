"""Feedback for students: nbgrader's pages of their graded notebooks, harmless and without hidden tests.

``nbgrader generate_feedback`` makes the same pages from the same ``nbgrader_config.py``. What is added
here: a page that cannot be made is named with its reason, and the others are made; files that a student
handed in are not handed back; and a page is always written anew, so that comments and manual grades of
today are in it.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from nbgrader.converters import GenerateFeedback, NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.classroom.errors import GradingError

CONFIG, TIMESTAMP = "nbgrader_config.py", "timestamp.txt"
PORTION = 16  # students whose pages one process writes before it gets others


@dataclass(frozen=True)
class Written:
    """For whom feedback was written, and for whom it could not be: the reasons, by student."""

    students: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def write_feedback(
    root: Path, assignment: str, student: str | None = None, jobs: int | None = None
) -> Written:
    """Write ``classroom/feedback/STUDENT/ASSIGNMENT/NOTEBOOK.html`` for everybody who was graded.

    Parameters
    ----------
    root : Path
        Of the course, where ``nbgrader_config.py`` lies.
    assignment : str
    student : str, optional
        Write that student's only.
    jobs : int, optional
        How many processes; by default all cores. A few pages are written in this one.

    Raises
    ------
    GradingError
        If nothing of that name was graded, or there is no gradebook.
    """
    found = _graded(root, load_config(root), assignment)
    if student is not None:
        found = [one for one in found if one == student]
    if not found:
        whose = f"{student!r} has" if student is not None else "Nobody has"
        raise GradingError(
            f"{whose} no graded notebook of {assignment!r}: run `course grade {assignment}` first."
        )
    programs, path = str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)
    if programs not in path.split(os.pathsep):  # nbgrader calls alembic by name
        os.environ["PATH"] = os.pathsep.join([programs, path])
    portions = [found[place : place + PORTION] for place in range(0, len(found), PORTION)]
    write = partial(_write, root, assignment)
    jobs = min(len(portions), jobs or _cores())
    failed: dict[str, str] = {}
    if jobs == 1:
        for portion in portions:
            failed |= write(portion)
    else:
        try:
            with ProcessPoolExecutor(jobs, mp_context=_processes()) as pool:
                for part in pool.map(write, portions):
                    failed |= part
        except BrokenExecutor as error:
            raise GradingError(
                f"A process that writes feedback ended ({error}). Name one student after another with "
                "--student to see whose pages do that."
            ) from error
    return Written([one for one in found if one not in failed], failed)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processes() -> multiprocessing.context.BaseContext:
    """Processes that import nbgrader once for all of them, where the system can do that."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _write(root: Path, assignment: str, students: Sequence[str]) -> dict[str, str]:
    """Write the pages of some students; the reasons why some could not be written, by student."""
    config = load_config(root)
    config.CourseDirectory.assignment_id = assignment
    converter = _Feedback(students, coursedir=CourseDirectory(config=config), config=config)
    converter.log.setLevel(logging.CRITICAL)  # what failed is told below, in words
    try:
        converter.start()
    except NbGraderException as error:
        if not converter.failed:
            raise GradingError(f"nbgrader cannot write feedback for {assignment!r}: {error}") from error
    return converter.failed


def load_config(root: Path) -> Config:
    """The course's configuration of nbgrader, with its root."""
    if not (root / CONFIG).is_file():
        raise GradingError(
            f"There is no {CONFIG} in {root}: it says where submissions and the gradebook are."
        )
    config = PyFileConfigLoader(CONFIG, path=str(root)).load_config()
    config.CourseDirectory.root = str(root)
    return config


def _graded(root: Path, config: Config, assignment: str) -> list[str]:
    folder = root / str(config.CourseDirectory.autograded_directory)
    if not assignment or Path(assignment).name != assignment or not folder.is_dir():
        return []
    return sorted(one.name for one in folder.iterdir() if any((one / assignment).glob("*.ipynb")))


class _Feedback(GenerateFeedback):
    """nbgrader's converter for some students, which remembers what went wrong and hands no files back."""

    def __init__(self, students: Sequence[str], **kwargs: object) -> None:
        super().__init__(**kwargs)
        self._students = students
        self.failed: dict[str, str] = {}
        self.force = True

    def init_notebooks(self) -> None:
        """Find the notebooks of these students: nbgrader takes an id with a star in it for a pattern."""
        self.notebooks: list[str] = []
        self.assignments: dict[str, list[str]] = {}
        for student in self._students:
            folder = Path(self._format_source(self.coursedir.assignment_id, student))
            found = sorted(map(str, folder.glob(f"{self.coursedir.notebook_id}.ipynb")))
            if found:
                self.assignments[str(folder)] = found

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Copy when it was handed in, by which nbgrader sees what is new; the pages carry what they show."""
        source = Path(self._format_source(assignment_id, student_id), TIMESTAMP)
        if source.is_file():
            target = Path(self._format_dest(assignment_id, student_id), TIMESTAMP)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())

    def convert_single_notebook(self, notebook_filename: str) -> None:
        try:
            super().convert_single_notebook(notebook_filename)
        except Exception as error:
            student = self.init_single_notebook_resources(notebook_filename)["nbgrader"]["student"]
            self.failed[student] = (
                f"{Path(notebook_filename).name}: {type(error).__name__}: {_first_line(error)}"
            )
            raise


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")[:300]
