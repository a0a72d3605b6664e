"""nbgrader's marks in the metadata of a cell: what was released, and what a student's cell is put back to."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode

from autograder.classroom.assignment import CellSpec
from autograder.classroom.nbgrader_rules import utils
from autograder.classroom.outcome import Problem, ProblemKind

#: Tags for which nbgrader does not run a cell: a check that is not run has full marks.
SKIPPING = ("experiment", "skip-execution")


def marks_of(released: CellSpec) -> NotebookNode:
    """Make nbgrader's metadata of a released cell."""
    marks = NotebookNode(
        cell_type=released.cell_type,
        checksum=released.checksum,
        grade=released.grade,
        grade_id=released.grade_id,
        locked=released.locked,
        schema_version=3,
        solution=released.solution,
        task=released.task,
    )
    if released.grade or released.task:
        marks.points = released.points
    return marks


def marked(source: str, released: CellSpec) -> NotebookNode:
    """Make a cell with this text and the marks of a released cell; it has no id yet."""
    cell = NotebookNode(cell_type=released.cell_type, metadata=NotebookNode(nbgrader=marks_of(released)))
    cell.source = source
    if released.cell_type == "code":
        cell.update(execution_count=None, outputs=[])
    return cell


def settle(cell: NotebookNode, released: CellSpec, notebook: str) -> list[Problem]:
    """Give a student's cell its released type, marks and, if it is locked, text.

    Returns
    -------
    list of Problem
        One for each thing that was not as released. Marks and blank space are notes.
    """

    def problem(kind: ProblemKind, text: str) -> Problem:
        return Problem(kind=kind, text=text, notebook=notebook, cell=released.grade_id)

    problems = []
    untouched = _untouched(cell)
    if cell.cell_type != released.cell_type:
        text = (
            f"{released.grade_id} was made a {cell.cell_type} cell; it is a {released.cell_type} cell again."
        )
        problems.append(problem("edited_cell", text))
        _retype(cell, released.cell_type)
    changed = _changed(cell.metadata.nbgrader, released)
    if changed:
        text = (
            f"{released.grade_id} had other marks than released ({', '.join(changed)}); they were put right."
        )
        problems.append(problem("edited_cell", text))
        cell.metadata.nbgrader = marks_of(released)
    cell.metadata.nbgrader.checksum = released.checksum
    tags = cell.metadata.get("tags", [])
    if released.locked and any(tag in SKIPPING for tag in tags):
        text = f"{released.grade_id} was tagged so as not to be run; the tag was taken off."
        problems.append(problem("edited_cell", text))
        cell.metadata.tags = [tag for tag in tags if tag not in SKIPPING]
    if released.locked and utils().compute_checksum(cell) != released.checksum:
        if (
            not untouched
        ):  # a release without the hidden tests differs too, but that is not the student's doing
            same = cell.source.split() == released.source.split()
            text = f"The locked cell {released.grade_id} was edited; its text was put back."
            problems.append(problem("edited_cell" if same else "restored_cell", text))
        cell.source = released.source
    return problems


def _untouched(cell: NotebookNode) -> bool:
    """Whether a cell still is what its own checksum says: the one that the release gave it."""
    marks = cell.metadata.nbgrader
    try:
        return bool(marks.get("checksum") == utils().compute_checksum(cell))
    except (TypeError, ValueError, KeyError, OverflowError):  # marks of another type than nbgrader's
        return False


def _retype(cell: NotebookNode, kind: str) -> None:
    cell.cell_type = kind
    if kind == "code":
        cell.update(execution_count=None, outputs=[])
        for key in ("collapsed", "scrolled"):
            cell.metadata.pop(key, None)
        cell.pop("attachments", None)
    else:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


def _changed(marks: NotebookNode, released: CellSpec) -> list[str]:
    """The marks that differ from the release in what they mean to nbgrader."""
    wanted = marks_of(released)
    # Older releases have no such marks, and nbgrader does without them.
    found: dict[str, Any] = {"task": False, "cell_type": released.cell_type, **marks}
    if isinstance(found.get("locked"), bool) and (released.solution or released.grade):
        found["locked"] = released.locked  # nbgrader's is_locked asks the other marks first
    points = found.get("points")
    number = isinstance(points, int | float) and not isinstance(points, bool) and points >= 0
    if number and not (released.grade or released.task):
        del found["points"]  # means nothing, and is allowed
    names = sorted({*wanted, *found} - {"checksum"})  # that follows from the text, and is set anyway
    return [name for name in names if not _same(name, found.get(name, ...), wanted.get(name, ...))]


def _same(name: str, found: Any, wanted: Any) -> bool:
    """Equal, and of the same type, because nbgrader's schema asks for it; but points are any number."""
    if name == "points" and type(found) in (int, float):
        return bool(found == wanted)
    return type(found) is type(wanted) and bool(found == wanted)
