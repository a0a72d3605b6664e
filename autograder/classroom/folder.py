"""A course folder as its nbgrader_config.py describes it: where things lie, and which gradebook is meant."""

from __future__ import annotations

import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.classroom.errors import GradingError

if TYPE_CHECKING:
    from traitlets.config import Config

OWN = "classroom"  # where grading keeps its ledger, its lock and the class's secret


class Folder:
    """The folder of a course.

    Parameters
    ----------
    root : Path
        Where nbgrader_config.py lies, or would lie: nbgrader's defaults hold without one.
    db_url : str, optional
        A gradebook other than the configured one.

    Raises
    ------
    GradingError
        If the configuration cannot be read.
    """

    def __init__(self, root: Path, db_url: str | None = None) -> None:
        from autograder.classroom.releases import ReleaseError, course_directory

        self.root = root.resolve()
        if not self.root.is_dir():
            raise GradingError(f"There is no folder {root}.")
        try:
            self.directory = course_directory(self.root)
        except ReleaseError as error:
            raise GradingError(str(error)) from error
        self.config: Config = self.directory.config
        self.db_url: str = db_url or self.directory.db_url
        if str(self.root) not in sys.path:  # as nbgrader does, for plugins that lie beside the configuration
            sys.path.append(str(self.root))

    @property
    def own(self) -> Path:
        """The folder for ledger, lock and secret; it need not exist yet."""
        return self.root / OWN

    @property
    def ledger(self) -> Path:
        """Where the ledger is kept."""
        return self.own / "grading.sqlite"

    @property
    def course_id(self) -> str:
        """The course, as nbgrader calls it."""
        return str(self.directory.course_id)

    def autograded(self, student: str, assignment: str) -> Path:
        """The folder of an autograded submission."""
        return Path(self.directory.format_path(self.directory.autograded_directory, student, assignment))

    def assignments(self) -> list[str]:
        """The names of what was released."""
        return sorted(path.name for path in self.release(".").glob("*/") if any(path.glob("*.ipynb")))

    def release(self, assignment: str) -> Path:
        """The folder of what was released under a name."""
        return Path(self.directory.format_path(self.directory.release_directory, ".", assignment))

    @cached_property
    def file_mode(self) -> int:
        """The permissions that nbgrader gives to autograded files."""
        configured = self.config.get("Autograde", {}).get("permissions") or self.config.get(
            "BaseConverter", {}
        ).get("permissions")
        return int(str(configured or (664 if self.directory.groupshared else 444)), 8)

    @property
    def groupshared(self) -> bool:
        """Whether other instructors of the group may write."""
        return bool(self.directory.groupshared)
