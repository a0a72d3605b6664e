"""Build the released notebooks from the lesson sources, through nbgrader's own converters."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import nbformat
from traitlets.config import Config

from autograder.notebooks.source import LessonSource, SourceError, sources


def build_solutions(solutions: Path, into: Path) -> list[Path]:
    """Write the notebooks with their solutions, as nbgrader wants its source folder."""
    return [_write(source, into / source.lesson) for source in sources(solutions)]


def build_release(solutions: Path, into: Path) -> list[Path]:
    """Write the notebooks that learners get, solutions removed by nbgrader, below `into`."""
    with tempfile.TemporaryDirectory() as scratch:
        course = Path(scratch)
        build_solutions(solutions, course / "source")
        lessons = sorted(path.name for path in (course / "source").iterdir())
        for lesson in lessons:
            generate_assignment(lesson, _without_gradebook(course))
        written = []
        for path in sorted((course / "release").glob("*/*.ipynb")):
            target = into / path.relative_to(course / "release")
            target.parent.mkdir(parents=True, exist_ok=True)
            notebook = nbformat.read(path, as_version=4)
            target.write_text(_dumps(notebook), encoding="utf-8")
            written.append(target)
    return written


def swap_in(build: Callable[[Path], object], target: Path) -> None:
    """Build into a temporary folder beside `target`, then put it in place; a failure changes nothing."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".build-") as scratch:
        fresh, old = Path(scratch) / "fresh", Path(scratch) / "old"
        fresh.mkdir()
        build(fresh)
        if target.exists():
            os.replace(target, old)
        os.replace(fresh, target)
        shutil.rmtree(old, ignore_errors=True)


def differences(one: Path, other: Path) -> list[str]:
    """The files, relative to both folders, that are not the same byte for byte."""
    names = {path.relative_to(root) for root in (one, other) for path in root.rglob("*") if path.is_file()}
    return sorted(
        str(name)
        for name in names
        if not ((one / name).exists() and (other / name).exists())
        or (one / name).read_bytes() != (other / name).read_bytes()
    )


def _write(source: LessonSource, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{source.path.stem}.ipynb"
    target.write_text(_dumps(source.notebook()), encoding="utf-8")
    return target


def _dumps(notebook: nbformat.NotebookNode) -> str:
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"


def generate_assignment(lesson: str, config: Config) -> None:
    """Run nbgrader's converter on one lesson, between the folders that `config` names.

    Raises
    ------
    SourceError
        If the converter fails; its log has said why.
    """
    from nbgrader.converters import GenerateAssignment, NbGraderException
    from nbgrader.coursedir import CourseDirectory

    # nbgrader starts `alembic` by name when it makes a gradebook.
    programs, path = str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)
    if programs not in path.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, path])
    config = deepcopy(config)
    config.CourseDirectory.assignment_id = lesson
    converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config)
    converter.log.setLevel(logging.ERROR)
    try:
        converter.start()
    except NbGraderException as error:
        raise SourceError(
            f"{lesson}: nbgrader cannot convert it, for the reason in its log above."
        ) from error


def _without_gradebook(course: Path) -> Config:
    """What nbgrader's --no-db means: a release needs no gradebook; `make classroom` registers lessons."""
    config = Config()
    config.CourseDirectory.root = str(course)
    config.GenerateAssignment.create_assignment = False
    config.GenerateAssignment.no_database = True
    config.SaveCells.enabled = False
    return config
