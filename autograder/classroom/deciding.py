"""What has to be done with a submission: a pure function of what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from autograder.classroom.entries import Entry

Step = Literal["grade", "merge", "done"]


def decide(
    entry: Entry | None,
    digest: str,
    *,
    regrade: bool = False,
    in_gradebook: bool = True,
    has_folder: bool = True,
) -> Step:
    """Grade it, enter a result that is already there, or leave it alone.

    Parameters
    ----------
    entry : Entry or None
        The ledger's row.
    digest : str
        Of the files that are handed in now.
    regrade : bool
        Whether the instructor asked for it.
    in_gradebook : bool
        Whether the gradebook has scores of the submission: an instructor may begin a new one.
    has_folder : bool
        Whether the autograded folder is there: nbgrader grades again if it was deleted, and so do we.
    """
    if entry is None or regrade or entry.digest != digest:
        return "grade"
    if entry.outcome.status == "could not be graded":
        return "grade"  # it was not graded yet
    if entry.state == "graded":
        return "merge"
    if not has_folder:
        return "grade"
    return "done" if in_gradebook else "merge"


def changed(entry: Entry, versions: Mapping[str, str]) -> set[str]:
    """The exercises that are not what they were when the submission was graded."""
    return {name for name, version in versions.items() if entry.versions.get(name, version) != version}
