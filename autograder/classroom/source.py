"""Where a run reads assignments and submissions."""

from __future__ import annotations

from pathlib import Path

from autograder.classroom.assignment import Assignment
from autograder.classroom.task import Submission


class Source:
    """Where assignments and submissions are read; tests put others in its place."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def assignment(self, name: str) -> Assignment:
        """The assignment as released."""
        from autograder.classroom.releases import read_assignment

        return read_assignment(self.root, name)

    def students(self, name: str) -> list[str]:
        """Who handed something in."""
        from autograder.classroom import submissions

        return submissions.find(self.root, name)

    def read(self, student: str, name: str) -> Submission:
        """What a student handed in."""
        from autograder.classroom import submissions

        return submissions.read(self.root, student, name)
