"""Where reviews are kept, if they are kept at all."""

from __future__ import annotations

from pathlib import Path

from autograder import database

VARIABLE = "COURSE_DRILLS"


def location() -> Path | None:
    """The drills file, which need not exist yet; None while nothing is to be kept.

    ``COURSE_DRILLS`` overrides the user's data folder with a path, or keeps nothing with ``off``.
    """
    return database.location(VARIABLE, "drills.sqlite")
