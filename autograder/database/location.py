"""Where a file of the learner's own is kept, if it is kept at all."""

from __future__ import annotations

import os
from pathlib import Path


def location(variable: str, name: str) -> Path | None:
    """The file, which need not exist yet; None while nothing is to be kept.

    Parameters
    ----------
    variable : str
        An environment variable: a path in it overrides the user's data folder, ``off`` keeps nothing.
        Nothing is kept either while nbgrader executes a submission: that is nobody's study.
    name : str
        Of the file in the user's data folder.
    """
    named = os.environ.get(variable, "").strip()
    if graded() or named.lower() == "off":
        return None
    if named:
        return Path(named).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("clip-to-int8", appauthor=False) / name


def graded() -> bool:
    """Whether nbgrader is executing this process."""
    return "NBGRADER_EXECUTION" in os.environ
