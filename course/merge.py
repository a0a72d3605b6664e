"""Merging a newer release of a lesson into a learner's notebook, cell by cell.

Three notebooks meet: ``base`` (the release which the learner's copy came from), ``mine`` (the copy, as the
learner left it) and ``new`` (the release to move to). Whatever the learner did not touch follows the release;
whatever the learner wrote stays, in its place where the release allows it and beside the new text where both
changed. No source that the learner typed is dropped.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass

from nbformat import NotebookNode

__all__ = ["Merge", "merge"]


@dataclass(frozen=True)
class Merge:
    """A merged notebook, and what became of the cells.

    Attributes
    ----------
    notebook : the merged notebook.
    answers : names of the solution cells whose learner's source was kept.
    added, revised, removed : number of cells that the release brought, rewrote, dropped.
    beside : number of cells that both sides had changed, or that the release no longer has: the learner's
        version stands on its own, next to where it was.
    """

    notebook: NotebookNode
    answers: tuple[str, ...]
    added: int
    revised: int
    removed: int
    beside: int


def merge(base: NotebookNode | None, mine: NotebookNode, new: NotebookNode) -> Merge:
    """Bring ``mine`` to the release ``new`` and keep everything the learner wrote.

    Cells are matched by nbgrader's grade id, else by cell id, else (editors exist that drop ids) by an
    unchanged source. Order and metadata are the release's; a cell of the learner's own follows the cell it
    followed before.

    Parameters
    ----------
    base : notebook, format 4, or None
        The release that ``mine`` was copied from. Without it every difference counts as the learner's.
    mine, new : notebook, format 4

    Returns
    -------
    Merge
        Its notebook is made of copies. Merging ``new`` into the result again changes nothing.
    """
    base_cells = _keyed(base.cells if base is not None else [])
    new_cells = _keyed(new.cells)
    keys = _match(mine.cells, base_cells, new_cells)
    own = {key: cell for key, cell in zip(keys, mine.cells, strict=True) if key is not None}

    placed: dict[str, NotebookNode] = {}
    leftover: set[str] = set()  # keys whose learner's version stands beside the release
    answers: list[str] = []
    added = revised = 0
    for key, cell in new_cells.items():
        before, learner = base_cells.get(key), own.get(key)
        if learner is None:
            if before is not None and _same(before, cell) and not _graded(cell):
                continue  # the learner deleted it, and the release has nothing new to say there
            placed[key] = deepcopy(cell)
            added += 1
        elif _same(learner, cell):
            placed[key] = _released(cell, learner)
        elif before is not None and _same(learner, before):
            placed[key] = deepcopy(cell)
            revised += 1
        elif _nbgrader(cell).get("solution"):
            placed[key] = _answered(cell, learner)
            answers.append(key)
            if learner.get("attachments") and "attachments" not in placed[key]:
                leftover.add(key)
        elif before is not None and _same(before, cell) and not _graded(cell):
            placed[key] = deepcopy(learner)
        else:
            placed[key] = deepcopy(cell)
            leftover.add(key)
            revised += 1

    removed = 0
    after: defaultdict[str | None, list[NotebookNode]] = defaultdict(list)
    anchor: str | None = None
    for place, cell in zip(keys, mine.cells, strict=True):
        if place in placed:
            anchor = place
            if place not in leftover:
                continue
        elif place is not None and _same(cell, base_cells[place]):
            removed += 1
            continue
        elif place is not None:
            leftover.add(place)
        after[anchor].append(_plain(cell))

    cells = [*after[None]]
    for key, cell in placed.items():
        cells += [cell, *after[key]]
    merged = deepcopy(new)
    merged.metadata = NotebookNode({**deepcopy(mine.metadata), **merged.metadata})
    merged.nbformat_minor = max(new.nbformat_minor, 5)  # the first format whose cells have ids
    merged.cells = _with_unique_ids(cells, reserved=[id(cell) for cell in placed.values()])
    return Merge(merged, tuple(answers), added, revised, removed, len(leftover))


def _nbgrader(cell: NotebookNode) -> dict:
    return cell.metadata.get("nbgrader", {})


def _graded(cell: NotebookNode) -> bool:
    """Whether grading needs this very cell, so that it returns even after the learner deleted it."""
    grading = _nbgrader(cell)
    return any(grading.get(key) for key in ("grade", "solution", "locked", "task"))


def _same(one: NotebookNode, other: NotebookNode) -> bool:
    return all(one.get(key) == other.get(key) for key in ("cell_type", "source", "attachments"))


def _name(cell: NotebookNode) -> str | None:
    return _nbgrader(cell).get("grade_id") or cell.get("id")


def _keyed(cells: Iterable[NotebookNode]) -> dict[str, NotebookNode]:
    """Cells of a release by name, in order; a name that comes twice is numbered, so that no cell is lost."""
    keyed: dict[str, NotebookNode] = {}
    for cell in cells:
        name = _name(cell) or _digest(cell.source)
        key, count = name, 1
        while key in keyed:
            count += 1
            key = f"{name}~{count}"
        keyed[key] = cell
    return keyed


def _match(
    mine: list[NotebookNode], base: dict[str, NotebookNode], new: dict[str, NotebookNode]
) -> list[str | None]:
    """For each cell of the learner's the released cell it is, None for the learner's own; no key twice.

    A copied and pasted cell repeats its grade id under a new cell id, so agreement in both
    is looked for first.
    """
    known = base | new
    by_id = {cell["id"]: key for key, cell in known.items() if "id" in cell}
    # A cell of another type is another cell: it would keep its own id and, among several with this source, be
    # confused with the next one when the release is merged again.
    by_source = {(cell.cell_type, cell.source): key for key, cell in reversed(base.items())}
    rules = [
        lambda cell: key if (key := by_id.get(cell.get("id"))) and _name(known[key]) == _name(cell) else None,
        lambda cell: _name(cell) if _name(cell) in known else None,
        lambda cell: by_id.get(cell.get("id")),
        lambda cell: by_source.get((cell.cell_type, cell.source)),
    ]
    keys: list[str | None] = [None] * len(mine)
    taken: set[str] = set()
    for rule in rules:
        for i, cell in enumerate(mine):
            key = rule(cell) if keys[i] is None else None
            if key is not None and key not in taken:
                keys[i] = key
                taken.add(key)
    return keys


def _released(cell: NotebookNode, learner: NotebookNode) -> NotebookNode:
    """The released cell with the outputs that the learner's run of the same source left."""
    result = deepcopy(cell)
    for key in ("outputs", "execution_count"):
        if cell.cell_type == "code" and key in learner:
            result[key] = deepcopy(learner[key])
    return result


def _answered(cell: NotebookNode, learner: NotebookNode) -> NotebookNode:
    """The released solution cell, whose type and metadata grading relies on, with the learner's answer."""
    same_type = cell.cell_type == learner.cell_type
    result = _released(cell, learner if same_type else cell)
    result.source = learner.source
    if same_type and "attachments" in learner:
        result.attachments = deepcopy(learner.attachments)
    return result


def _plain(cell: NotebookNode) -> NotebookNode:
    """A copy that grading does not see and that the learner may edit."""
    result = deepcopy(cell)
    if "nbgrader" in result.metadata:
        for key in ("nbgrader", "deletable", "editable"):
            result.metadata.pop(key, None)
    return result


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _with_unique_ids(cells: list[NotebookNode], reserved: list[int]) -> list[NotebookNode]:
    """Give a new id to every cell whose id is missing or taken; the `reserved` cells keep theirs."""
    taken: set[str] = set()
    for cell in sorted(cells, key=lambda cell: id(cell) not in reserved):
        stem = name = cell.get("id") or _digest(cell.source)
        count = 1
        while name in taken:
            count += 1
            name = f"{stem[:56]}-{count}"  # the format allows 64 characters
        cell["id"] = name
        taken.add(name)
    return cells
