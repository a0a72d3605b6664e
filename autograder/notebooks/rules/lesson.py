"""What a rule looks at: one notebook of a lesson, as its source has it and as it was released."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from autograder.notebooks.source import LessonSource, sources

Finding = tuple[int | None, str]  # the cell, or None for the whole notebook, and what is wrong with it
EXPERIMENT = "experiment"  # the tag of cells that are skipped when a class is graded


@dataclass(frozen=True)
class Lesson:
    """One notebook of a lesson.

    Parameters
    ----------
    source : LessonSource
        Where authors write it.
    path : Path
        Its release, which need not exist.
    """

    source: LessonSource
    path: Path

    @cached_property
    def solved(self) -> NotebookNode:
        """The notebook with its solutions."""
        return self.source.notebook()

    @cached_property
    def released(self) -> NotebookNode | None:
        """The notebook that learners get, if it has been built."""
        # Not nbformat.read, which mends double ids without a word.
        return nbformat.v4.reads(self.path.read_text(encoding="utf-8")) if self.path.is_file() else None

    @property
    def name(self) -> str:
        """The source, as messages name it: ``01_infonce/infonce.py``."""
        return f"{self.source.lesson}/{self.source.path.name}"

    def code(self) -> Iterator[tuple[int, NotebookNode]]:
        """The code cells of `solved`, with their positions."""
        return ((i, cell) for i, cell in enumerate(self.solved.cells) if cell.cell_type == "code")

    def markdown(self) -> Iterator[tuple[int, NotebookNode]]:
        """The Markdown cells of `solved`, with their positions."""
        return ((i, cell) for i, cell in enumerate(self.solved.cells) if cell.cell_type == "markdown")

    def asked(self, cell: NotebookNode) -> Any:
        """The exercise or explanation that a solution or check cell belongs to."""
        name = grade_id(cell).removeprefix("check-")
        return self.source.asked(f"{self.source.topic}.{name}")

    def say(self, findings: Iterable[Finding]) -> list[str]:
        """Findings as sentences that name the source and its cell."""
        return [_sentence(self.name, self.solved, finding) for finding in findings]

    def say_of_release(self, findings: Iterable[Finding]) -> list[str]:
        """Findings as sentences that name the released notebook and its cell."""
        name = f"notebooks/{self.source.lesson}/{self.path.name}"
        return [_sentence(name, self.released, finding) for finding in findings]


def lessons(root: Path) -> list[Lesson]:
    """All notebooks of a clone, in order."""
    return [
        Lesson(source, root / "notebooks" / source.lesson / f"{source.path.stem}.ipynb")
        for source in sources(root / "solutions")
    ]


def grade_id(cell: NotebookNode) -> str:
    """Nbgrader's id of a cell, empty for a cell that has none."""
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def is_check(cell: NotebookNode) -> bool:
    """Whether a cell judges an answer."""
    return grade_id(cell).startswith("check-")


def is_solution(cell: NotebookNode) -> bool:
    """Whether a learner writes an answer into the cell."""
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def is_experiment(cell: NotebookNode) -> bool:
    """Whether the cell is skipped when a class is graded."""
    return EXPERIMENT in cell.metadata.get("tags", [])


def plain_python(cell: NotebookNode) -> str:
    """The cell's code, with IPython's magics turned into calls."""
    return TransformerManager().transform_cell(cell.source)


def parsed(cell: NotebookNode) -> ast.Module:
    """The syntax tree of a code cell; an empty one if it is not Python, which running it will show."""
    try:
        return ast.parse(plain_python(cell))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _sentence(name: str, notebook: NotebookNode | None, finding: Finding) -> str:
    position, text = finding
    if notebook is None or position is None:
        return f"{name}: {text}"
    cell = notebook.cells[position]
    lines = [line.strip() for line in cell.source.splitlines() if line.strip()]
    label = grade_id(cell) or (lines[0][:50] if lines else "empty")
    return f"{name}, cell {position + 1} ({label}): {text}"
