"""Where the course lies on this machine: the clone with its lessons, and the learner's own copies."""

from __future__ import annotations

import os
from pathlib import Path

from course.errors import CourseError

__all__ = ["ROOT_VARIABLE", "notebooks_dir", "root", "solutions_dir", "work_dir"]

ROOT_VARIABLE = "COURSE_ROOT"


def root() -> Path:
    """Folder of the clone: the one that holds ``solutions/`` and ``notebooks/``.

    An editable install finds it beside this package. ``COURSE_ROOT`` names it where the package was
    installed as a plain wheel, which carries no lessons.

    Raises
    ------
    CourseError
        If there is no such folder.
    """
    named = os.environ.get(ROOT_VARIABLE)
    folder = Path(named).expanduser() if named else Path(__file__).resolve().parents[1]
    if (folder / "solutions").is_dir() and (folder / "notebooks").is_dir():
        return folder.resolve()
    if named:
        raise CourseError(
            f"{ROOT_VARIABLE} should name the clone of the course, which holds solutions/ and notebooks/; "
            f"got {named!r}."
        )
    raise CourseError(
        "The lessons are not beside the installed package: clone the course and run "
        "`python -m pip install -e . -c constraints.txt` in it, or let "
        f"{ROOT_VARIABLE} name the clone."
    )


def notebooks_dir() -> Path:
    """Folder of the released lessons, one folder per lesson."""
    return root() / "notebooks"


def solutions_dir() -> Path:
    """Folder of the lessons' sources, answers inside."""
    return root() / "solutions"


def work_dir() -> Path:
    """Folder of the learner's own copies; it need not exist yet."""
    return root() / "work"
