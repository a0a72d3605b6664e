"""Read a lesson's source: a py:percent file whose cells name the exercises they belong to."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
from nbformat import NotebookNode

from autograder.exercises import of_topic

KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}


class SourceError(ValueError):
    """A lesson source says something that cannot be built; the message names file and cell."""


@dataclass(frozen=True)
class LessonSource:
    """One notebook of a lesson: ``solutions/NN_topic/topic.py``."""

    path: Path

    @property
    def lesson(self) -> str:
        """The lesson's folder, which is also nbgrader's assignment: ``01_infonce``."""
        return self.path.parent.name

    @property
    def topic(self) -> str:
        """The lesson's topic, which prefixes its exercise ids: ``infonce``."""
        return self.lesson.partition("_")[2]

    def asked(self, exercise_id: str) -> Any:
        """The exercise, or other question, that a cell names."""
        try:
            return of_topic(exercise_id.partition(".")[0])[exercise_id]
        except KeyError:
            raise SourceError(f"{self.path.name}: no exercise is called {exercise_id!r}") from None

    def notebook(self) -> NotebookNode:
        """The notebook with nbgrader's metadata and stable cell ids, solutions included."""
        notebook = jupytext.read(self.path, fmt="py:percent")
        seen: Counter[str] = Counter()
        for cell in notebook.cells:
            metadata = self._metadata(cell)
            grade_id = metadata.get("nbgrader", {}).get("grade_id")
            cell.metadata = NotebookNode(metadata)
            cell.id = grade_id or _hashed_id(cell, seen)
        notebook.metadata = NotebookNode(
            KERNEL
            | {"course": {"source": f"solutions/{self.lesson}/{self.path.name}", "built_by": "course build"}}
        )
        notebook.nbformat, notebook.nbformat_minor = 4, 5
        return notebook

    def _metadata(self, cell: NotebookNode) -> dict[str, Any]:
        """A cell's metadata: its tags, and what nbgrader needs to know of it."""
        metadata: dict[str, Any] = {"tags": list(cell.metadata.tags)} if cell.metadata.get("tags") else {}
        solution, check = cell.metadata.get("solution"), cell.metadata.get("check")
        unknown = set(cell.metadata) - {"tags", "solution", "check", "lines_to_next_cell"}
        if unknown:
            raise SourceError(f"{self.path.name}: unknown cell metadata {sorted(unknown)}")
        if solution:
            asked = self.asked(solution)
            by_hand = cell.cell_type == "markdown"
            points = {"points": asked.points} if by_hand else {}
            metadata["nbgrader"] = _nbgrader(asked.name, grade=by_hand, solution=True, **points)
        elif check:
            asked = self.asked(check)
            metadata["nbgrader"] = _nbgrader(
                f"check-{asked.name}", grade=True, solution=False, points=asked.points
            )
        return metadata


def sources(solutions: Path) -> list[LessonSource]:
    """All lesson sources under a folder, in order; the notebook named like the topic comes first."""
    found = [LessonSource(path) for path in solutions.glob("[0-9][0-9]_*/*.py")]
    return sorted(found, key=lambda s: (s.lesson, s.path.stem != s.topic, s.path.stem))


def _nbgrader(grade_id: str, *, grade: bool, solution: bool, **points: float) -> dict[str, Any]:
    return {
        "grade": grade,
        "grade_id": grade_id,
        "locked": grade and not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    } | points


def _hashed_id(cell: NotebookNode, seen: Counter[str]) -> str:
    """An id that stays the same as long as the cell's text does."""
    text = f"{cell.cell_type}\n{cell.source}"
    seen[text] += 1
    return hashlib.sha256(f"{text}\n{seen[text]}".encode()).hexdigest()[:12]
