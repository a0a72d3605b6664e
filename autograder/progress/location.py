"""Where progress is kept, if it is kept at all."""

from __future__ import annotations

from pathlib import Path

from autograder import database

VARIABLE = "COURSE_PROGRESS"


def location() -> Path | None:
    """The progress file, which need not exist yet; None while nothing is to be kept.

    ``COURSE_PROGRESS`` overrides the user's data folder with a path, or turns progress off with
    ``off``. It is always off while nbgrader executes a submission: that is nobody's study.
    """
    return database.location(VARIABLE, "progress.sqlite")
