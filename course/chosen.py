"""Which course, and which of its assignments, a command is about."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from course import paths
from course.errors import CourseError

__all__ = ["course_folder", "meant"]

CONFIG = "nbgrader_config.py"


def course_folder(root: Path | None) -> Path:
    """The course folder: what was named, here or by ``COURSE_ROOT``; else where nbgrader is configured."""
    if root is not None:
        return root.resolve()
    here = Path.cwd()
    named = os.environ.get(paths.ROOT_VARIABLE)
    return here if (here / CONFIG).is_file() and not named else paths.root()


def meant(name: str, known: Sequence[str]) -> str:
    """The assignment that a name means: ``01_infonce``, ``infonce``, ``01`` or ``1``.

    Raises
    ------
    CourseError
        If none or several are called that.
    """
    if name in known:
        return name
    found = [other for other in known if name in _names(other)]
    if len(found) == 1:
        return found[0]
    if found:
        raise CourseError(f"{name!r} could be {' or '.join(found)}: give the full name.")
    listed = ", ".join(known) or "nothing"
    raise CourseError(f"No assignment is called {name!r}; released: {listed}.")


def _names(folder: str) -> set[str]:
    number, _, topic = folder.partition("_")
    short = {str(int(number))} if number.isascii() and number.isdigit() else set()
    return {number, topic, *short} if short else set()
