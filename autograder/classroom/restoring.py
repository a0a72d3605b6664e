"""Put a submitted notebook back to what was released, but for the student's own work.

This does what nbgrader's sanitizing does (ClearOutput, DeduplicateIds, OverwriteKernelspec,
OverwriteCells, CheckCellMetadata), with the same result for a notebook that nbgrader accepts, and mends
those at which nbgrader stops or gives a silent 0. What it decides:

- **Locked cells** get their released text. If one is missing, it is put back: right after the released cell
  before it; if that is gone too, before the next released cell that is there, because the student may have
  written the answer anywhere in between. One that only lost its marks gets them back where it is.
- **A deleted answer** that a program checks is not put back: the student may have defined it in a cell of
  their own, and the released stub would replace that. An answer that a person grades is put back empty.
- **Copies** of a cell become cells like any other. Of a locked cell the last keeps its place, as in nbgrader.
  Of an answer, the last that differs from the release: a stub that was copied as a backup is no answer.
- **The order** stays the student's. A check that stands before its answer sees what is defined at that place,
  as it did for the student; moved behind its answer cell, it could see a stub instead of what they wrote.
  What an instructor expects is the released order: a check that sees other answers than there is a problem.
- **Marks without a released cell** are taken off, and the cell stays.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbformat import NotebookNode

from autograder.classroom.assignment import CellSpec, NotebookSpec
from autograder.classroom.marks import marked, marks_of, settle
from autograder.classroom.nbgrader_rules import comments as comments
from autograder.classroom.nbgrader_rules import score_of_manual as score_of_manual
from autograder.classroom.nbgrader_rules import utils
from autograder.classroom.outcome import Problem, ProblemKind
from autograder.classroom.parsing import new_id, parse
from autograder.classroom.untrusted import UnreadableError


def restore(raw: bytes, spec: NotebookSpec) -> tuple[NotebookNode | None, list[Problem]]:
    """Read a submitted notebook, and put its released cells right.

    Parameters
    ----------
    raw : bytes
        The file.
    spec : NotebookSpec
        What was released.

    Returns
    -------
    notebook : NotebookNode or None
        Valid nbformat 4.5 without outputs, in which every graded or locked cell of the release is there
        exactly once, with its released marks and, if it is locked, its released text. None if the file is
        not a notebook.
    problems : list of Problem
        What was put right, or why it is not a notebook.
    """
    try:
        notebook, mended = parse(raw)
    except UnreadableError as error:
        return None, [_problem(spec, "unreadable", f"{spec.name}.ipynb cannot be read: {error}.")]
    problems = [_problem(spec, "edited_cell", _mended(spec, mended))] if mended else []
    if "name" in spec.kernelspec:
        shown = {"display_name": spec.kernelspec["name"]}  # the format wants one
        notebook.metadata["kernelspec"] = NotebookNode(shown | spec.kernelspec)
    problems += _drop_foreign(notebook, spec)
    problems += _keep_one(notebook, spec)
    problems += _recognise(notebook, spec)
    for cell, released in _pairs(notebook, spec):
        problems += settle(cell, released, spec.name)
    problems += _moved(notebook, spec)  # before cells are put back, which stand where they belong
    problems += _put_back(notebook, spec)
    return notebook, problems


def _mended(spec: NotebookSpec, mended: list[str]) -> str:
    shown = "; ".join(mended[:5]) + (f"; and {len(mended) - 5} more" if len(mended) > 5 else "")
    return f"{spec.name}.ipynb was not a valid notebook, and was put right: {shown}."


def _grade_id(cell: NotebookNode) -> str:
    """The id of a cell that was released; empty for every other."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def _pairs(notebook: NotebookNode, spec: NotebookSpec) -> Iterator[tuple[NotebookNode, CellSpec]]:
    """The released cells that are there, in the order of the notebook, each with its release."""
    released = {cell.grade_id: cell for cell in spec.cells}
    for cell in notebook.cells:
        grade_id = _grade_id(cell)
        if grade_id in released:
            yield cell, released[grade_id]


def _drop_foreign(notebook: NotebookNode, spec: NotebookSpec) -> list[Problem]:
    """Take nbgrader's marks off every cell that was not released; nbgrader stops at some of these."""
    known = {cell.grade_id for cell in spec.cells}
    foreign = []
    for place, cell in enumerate(notebook.cells, start=1):
        marks = cell.metadata.get("nbgrader")
        grade_id = None if marks is None else marks.get("grade_id")
        if marks is None or (isinstance(grade_id, str) and grade_id in known):
            continue
        del cell.metadata["nbgrader"]
        if any(marks.get(mark) for mark in ("grade", "solution", "locked", "task")):
            foreign.append(f"{place} ({grade_id[:80]!r})" if isinstance(grade_id, str) else f"{place}")
    if not foreign:
        return []
    text = f"Marked as released, but not released: cell {_few(foreign)}. The marks were taken off."
    return [_problem(spec, "foreign_cell", text)]


def _keep_one(notebook: NotebookNode, spec: NotebookSpec) -> list[Problem]:
    """Make copies of a released cell ordinary cells."""
    copies: dict[str, list[int]] = {}
    released: dict[str, CellSpec] = {}
    places = {id(cell): place for place, cell in enumerate(notebook.cells)}
    for cell, known in _pairs(notebook, spec):
        copies.setdefault(known.grade_id, []).append(places[id(cell)])
        released[known.grade_id] = known
    problems = []
    for grade_id, found in copies.items():
        if len(found) == 1:
            continue
        answered = [place for place in found if _answered(notebook.cells[place], released[grade_id])]
        kept = (answered or found)[-1]
        for place in found:
            if place != kept:
                del notebook.cells[place].metadata["nbgrader"]
        text = (
            f"{grade_id} was there {len(found)} times: cell {kept + 1} counts, the others are ordinary cells."
        )
        problems.append(_problem(spec, "duplicate_cell", text, grade_id))
    return problems


def _recognise(notebook: NotebookNode, spec: NotebookSpec) -> list[Problem]:
    """Give locked cells that lost their marks, as in programs that drop metadata, their marks back."""
    present = {known.grade_id for _, known in _pairs(notebook, spec)}
    # Of several with this text the last, as with copies.
    unmarked = {cell.source.strip(): cell for cell in notebook.cells if "nbgrader" not in cell.metadata}
    problems = []
    for released in spec.cells:
        cell = unmarked.get(released.source.strip())
        if released.locked and released.grade_id not in present and cell is not None:
            cell.metadata["nbgrader"] = marks_of(released)
            text = f"{released.grade_id} had lost its marks; they were given back."
            problems.append(_problem(spec, "edited_cell", text, released.grade_id))
            del unmarked[released.source.strip()]
    return problems


def _answered(cell: NotebookNode, released: CellSpec) -> bool:
    """Whether an answer cell has an answer; locked cells have none."""
    if released.locked or not cell.source.strip():
        return False
    as_released = marked(cell.source, released)
    return utils().compute_checksum(as_released) != released.checksum


def _moved(notebook: NotebookNode, spec: NotebookSpec) -> list[Problem]:
    """Say which released cells stand in another order than released."""
    order = {cell.grade_id: place for place, cell in enumerate(spec.cells)}
    present = [known for _, known in _pairs(notebook, spec)]
    # The fewest cells that must have been moved: all but a longest increasing run of released places.
    runs: list[list[str]] = []  # by their length, the run with the smallest last place
    for known in present:
        length = next((n for n, run in enumerate(runs) if order[run[-1]] > order[known.grade_id]), len(runs))
        runs[length : length + 1] = [[*(runs[length - 1] if length else []), known.grade_id]]
    moved = [known.grade_id for known in present if known.grade_id not in (runs[-1] if runs else [])]
    if not moved:
        return []
    text = f"Not in the released order: {_few(moved)}. Each was graded where it stands"
    seeing = _seeing_others(spec, present)
    if not seeing:
        return [_problem(spec, "edited_cell", f"{text}.", moved[0])]
    told = _few([f"{check} {where}" for check, where in seeing.items()])
    text += f", so that its score may be another one: {told}."
    return [_problem(spec, "moved_cell", text, next(iter(seeing)))]


def _seeing_others(spec: NotebookSpec, present: list[CellSpec]) -> dict[str, str]:
    """Checks that do not see what they see in the released order, and where each stands instead."""
    found = {known.grade_id for known in present}
    released = _seen([cell for cell in spec.cells if cell.grade_id in found])
    told = {}
    for check, now in _seen(present).items():
        lacks = [name for name in released[check] if name not in now]
        more = [name for name in now if name not in released[check]]
        if lacks:  # the last one is its own answer, if that is among them
            told[check] = f"before {lacks[-1]}"
        elif more:
            told[check] = f"behind {more[0]}"
    return told


def _seen(cells: list[CellSpec]) -> dict[str, list[str]]:
    """For each check, the cells before it that may define something."""
    before: list[str] = []
    seen = {}
    for cell in cells:
        if cell.cell_type != "code":
            continue
        if cell.grade and not cell.solution:
            seen[cell.grade_id] = list(before)
        else:
            before.append(cell.grade_id)
    return seen


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _put_back(notebook: NotebookNode, spec: NotebookSpec) -> list[Problem]:
    """Insert the released cells that are missing, in the order of the release."""
    present = {known.grade_id for _, known in _pairs(notebook, spec)}
    taken = {cell.id for cell in notebook.cells}
    problems = []
    for index, released in enumerate(spec.cells):
        if released.grade_id in present:
            continue
        if not (released.locked or released.grade or released.task):
            text = f"The answer cell {released.grade_id} is gone; what other cells define was graded."
            problems.append(_problem(spec, "edited_cell", text, released.grade_id))
            continue
        cell = marked(released.source, released)
        cell.id = new_id(f"{spec.name} {released.grade_id}", taken)
        cell.metadata.update(deletable=False, **({"editable": False} if released.locked else {}))
        taken.add(cell.id)
        notebook.cells.insert(_place(notebook, spec, index), cell)
        present.add(released.grade_id)
        empty = "" if released.locked else ", without an answer"
        text = f"The cell {released.grade_id} was missing, and was put back{empty}."
        problems.append(_problem(spec, "restored_cell", text, released.grade_id))
    return problems


def _place(notebook: NotebookNode, spec: NotebookSpec, index: int) -> int:
    """Where the released cell with this index belongs."""
    places = {_grade_id(cell): place for place, cell in enumerate(notebook.cells)}
    earlier = [places[cell.grade_id] for cell in spec.cells[:index] if cell.grade_id in places]
    later = [places[cell.grade_id] for cell in spec.cells[index + 1 :] if cell.grade_id in places]
    if index and spec.cells[index - 1].grade_id in places:
        return earlier[-1] + 1
    after = earlier[-1] if earlier else -1
    return next((place for place in later if place > after), len(notebook.cells))


def _problem(spec: NotebookSpec, kind: ProblemKind, text: str, cell: str | None = None) -> Problem:
    return Problem(kind=kind, text=text, notebook=spec.name, cell=cell)
