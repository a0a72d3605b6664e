"""From the bytes that somebody handed in to a valid notebook, whatever they are."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from nbformat import NotebookNode
from nbformat.validator import get_validator

from autograder.classroom.untrusted import UnreadableError, clean, load, strings, text

MAX_CELLS = 5000

_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_CELL_TYPES = ("code", "markdown", "raw")
_OLD_TYPES = {"heading": "markdown", "html": "markdown"}  # nbformat 3


def parse(raw: bytes) -> tuple[NotebookNode, list[str]]:
    """Read a notebook, and put right what the format does not allow.

    The result is valid nbformat 4.5 without outputs. Notebooks of nbformat 3 are converted. What was put
    right is only what no notebook program writes: cells that are no cells, text that is no text, metadata
    of another type than the format asks for, repeated cell ids.

    Returns
    -------
    notebook : NotebookNode
    mended : list of str
        What was put right, each a short phrase.

    Raises
    ------
    UnreadableError
        If it is no notebook, or beyond the limits `MAX_BYTES`, `MAX_DEPTH`, `MAX_CELLS`.
    """
    data = load(raw)
    mended: list[str] = []
    notebook = NotebookNode(
        cells=[_cell(cell, place, mended) for place, cell in enumerate(_cells(data), start=1)],
        metadata=_notebook_metadata(data.get("metadata"), mended),
        nbformat=4,
        nbformat_minor=5,
    )
    _number(notebook, mended)
    if not _valid(notebook):
        # A rule that is not known here, about metadata that nothing below needs.
        mended.append("its metadata was taken out, because it is not valid")
        notebook.metadata = NotebookNode()
        for cell in notebook.cells:
            marks = cell.metadata.get("nbgrader")
            cell.metadata = NotebookNode({} if marks is None else {"nbgrader": marks})
    return notebook, mended


def grade_ids(raw: bytes) -> frozenset[str]:
    """The ids of nbgrader's cells in a notebook; none if it cannot be read."""
    try:
        cells = _cells(load(raw))
    except UnreadableError:
        return frozenset()
    marks = [_dict(_dict(_dict(cell).get("metadata")).get("nbgrader")) for cell in cells]
    return frozenset(mark["grade_id"] for mark in marks if isinstance(mark.get("grade_id"), str))


def _cells(data: dict[str, Any]) -> list[Any]:
    cells = data.get("cells")
    if cells is None and isinstance(data.get("worksheets"), list):
        sheets = [_dict(sheet).get("cells") for sheet in data["worksheets"]]
        cells = [_upgraded(cell) for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    if not isinstance(cells, list):
        raise UnreadableError("it is JSON, but not a notebook: it has no list of cells")
    if len(cells) > MAX_CELLS:
        raise UnreadableError(f"it has {len(cells):,} cells, and the limit is {MAX_CELLS:,}")
    return cells


def _upgraded(cell: Any) -> Any:
    """A cell of nbformat 3 in the form of nbformat 4, but for its outputs."""
    if not isinstance(cell, dict):
        return cell
    kind = cell.get("cell_type")
    source = text(cell.get("input" if kind == "code" else "source"))
    if kind == "heading":
        level = cell.get("level")
        source = f"{'#' * (level if isinstance(level, int) and 0 < level < 7 else 1)} {source}"
    kind = _OLD_TYPES.get(kind, kind) if isinstance(kind, str) else kind
    return {"cell_type": kind, "metadata": cell.get("metadata", {}), "source": source}


def _cell(cell: Any, place: int, mended: list[str]) -> NotebookNode:
    if not isinstance(cell, dict):
        mended.append(f"cell {place} was no cell")
        cell = {"cell_type": "raw", "metadata": {}, "source": json.dumps(cell)}
    kind = cell.get("cell_type")
    if kind not in _CELL_TYPES:
        mended.append(f"cell {place} had no type")
        kind = "raw"
    source = cell.get("source")
    if not isinstance(source, str) and not strings(source):
        mended.append(f"cell {place} had no text")
    metadata = _metadata(cell.get("metadata"), kind, place, mended)
    made = NotebookNode(cell_type=kind, id=cell.get("id"), metadata=metadata, source=text(source))
    if kind == "code":
        made.update(outputs=[], execution_count=None)
    elif "attachments" in cell:
        made.attachments = _attachments(cell["attachments"], place, mended)
    return made


def _metadata(found: Any, kind: str, place: int, mended: list[str]) -> NotebookNode:
    if not isinstance(found, dict):
        mended.append(f"the metadata of cell {place} were none")
        return NotebookNode()
    found = clean(found)
    allowed = {
        "name": lambda value: isinstance(value, str) and value.splitlines()[:1] == [value] and value,
        "tags": lambda value: (
            strings(value) and len(set(value)) == len(value) and all(t and "," not in t for t in value)
        ),
        "jupyter": lambda value: isinstance(value, dict),
        "format": lambda value: isinstance(value, str),
        "execution": lambda value: isinstance(value, dict) and strings([*value.values()]),
        "nbgrader": lambda value: isinstance(value, dict),
        # About outputs, which are taken out; and a mark that is never kept in a file.
        "collapsed": lambda value: kind != "code",
        "scrolled": lambda value: kind != "code",
        "trusted": lambda value: False,
    }
    kept = {key: value for key, value in found.items() if key not in allowed or allowed[key](value)}
    wrong = sorted(found.keys() - kept.keys() - {"collapsed", "scrolled", "trusted"})
    if wrong:
        mended.append(f"the metadata of cell {place} had a wrong {', '.join(map(repr, wrong))}")
    return NotebookNode(kept)


def _attachments(found: Any, place: int, mended: list[str]) -> NotebookNode:
    bundles = {
        name: {mime: data for mime, data in bundle.items() if isinstance(data, str) or strings(data)}
        for name, bundle in _dict(found).items()
        if isinstance(bundle, dict)
    }
    if bundles != found:
        mended.append(f"an attachment of cell {place} was none")
    return clean(bundles)


def _notebook_metadata(found: Any, mended: list[str]) -> NotebookNode:
    if not isinstance(found, dict):
        mended.append("the metadata of the notebook were none")
        return NotebookNode()
    found = clean(found)
    allowed = {
        "kernelspec": lambda value: _has_names(value, "name", "display_name"),
        "language_info": lambda value: (
            _has_names(value, "name")
            and all(isinstance(v, str) for k, v in value.items() if k in _LANGUAGE)
            and isinstance(value.get("codemirror_mode", ""), str | dict)
        ),
        "title": lambda value: isinstance(value, str),
        "authors": lambda value: isinstance(value, list),
        # What nbformat takes out when it writes.
        "orig_nbformat": lambda value: False,
        "orig_nbformat_minor": lambda value: False,
        "signature": lambda value: False,
    }
    kept = {key: value for key, value in found.items() if key not in allowed or allowed[key](value)}
    wrong = sorted({"kernelspec", "language_info", "title", "authors"} & (found.keys() - kept.keys()))
    if wrong:
        mended.append(f"the metadata of the notebook had a wrong {', '.join(wrong)}")
    return NotebookNode(kept)


_LANGUAGE = ("file_extension", "mimetype", "pygments_lexer")


def _number(notebook: NotebookNode, mended: list[str]) -> None:
    """Give each cell an id of its own. New ones follow from place and text: the same file, the same ids."""
    seen: set[str] = set()
    for place, cell in enumerate(notebook.cells):
        if not isinstance(cell.id, str) or not _CELL_ID.match(cell.id) or cell.id in seen:
            if cell.id is not None:  # before nbformat 4.5 there were none
                mended.append(f"the id of cell {place + 1} was not its own")
            cell.id = new_id(f"{place}\n{cell.source}", seen)
        seen.add(cell.id)


def new_id(text: str, taken: set[str]) -> str:
    """An id for a cell that follows from `text`, and is not among those taken."""
    while True:
        made = hashlib.sha256(text.encode()).hexdigest()[:12]
        if made not in taken:
            return made
        text += "'"


def _valid(notebook: NotebookNode) -> bool:
    # nbformat.validate would look for the best words for an error, for minutes in a large notebook.
    errors = get_validator(4, 5).iter_errors(notebook)
    return next(iter(errors), None) is None


def _has_names(value: Any, *names: str) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in names)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
