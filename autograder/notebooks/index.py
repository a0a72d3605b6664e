"""Build the light index of all exercises, which answers ``course status`` without loading torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autograder.exercise import Exercise
from autograder.notebooks.source import LessonSource, sources


def build_index(solutions: Path) -> str:
    """The index of all lessons under a folder, as JSON text."""
    lessons: dict[str, dict[str, Any]] = {}
    for source in sources(solutions):
        notebook = source.notebook()
        lesson = lessons.setdefault(
            source.lesson, {"lesson": source.lesson, "title": _title(notebook), "exercises": []}
        )
        lesson["exercises"] += _entries(source, notebook)
    made_by = "course build: from autograder/exercises and solutions; do not edit"
    return (
        json.dumps({"made_by": made_by, "lessons": list(lessons.values())}, indent=1, ensure_ascii=False)
        + "\n"
    )


def _title(notebook: NotebookNode) -> str:
    lines = [
        line for cell in notebook.cells if cell.cell_type == "markdown" for line in cell.source.splitlines()
    ]
    return next((line.removeprefix("# ") for line in lines if line.startswith("# ")), "")


def _entries(source: LessonSource, notebook: NotebookNode) -> list[dict[str, Any]]:
    graded = [
        cell.metadata.nbgrader for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")
    ]
    entries = []
    for cell in graded:
        name = cell["grade_id"].removeprefix("check-")
        asked = source.asked(f"{source.topic}.{name}")
        entries.append(
            {
                "id": asked.id,
                "kind": "checked" if isinstance(asked, Exercise) else "explained",
                "title": asked.title,
                "notebook": f"{source.lesson}/{source.path.stem}.ipynb",
                "minutes": asked.minutes,
                "points": asked.points,
                "stretch": asked.stretch,
                "skills": list(asked.skills),
                "hints": list(asked.hints),
                "misconceptions": {m.id: m.title for m in getattr(asked, "misconceptions", {}).values()},
            }
        )
    return entries
