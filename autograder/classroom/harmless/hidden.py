"""Hidden tests taken out of a notebook: from its cells, and from outputs that quote or were made by them."""

from __future__ import annotations

import re

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests

#: Shorter lines, such as ``else:``, are everybody's.
TELLING = 6
SAID = "A test that is not shown failed."
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_GUTTER = re.compile(r"^\s*(-*>)?\s*\d*\s*")  # IPython's line numbers and arrow


def without_hidden_tests(notebook: NotebookNode, settings: ClearHiddenTests | None = None) -> NotebookNode:
    """Take hidden tests out, in place.

    nbgrader's autograded notebooks hold them in the source of the cell, again in the traceback when one
    fails (nbgrader#917, #1363), and what a student's function prints while they run shows their inputs.

    Parameters
    ----------
    notebook : NotebookNode
    settings : ClearHiddenTests, optional
        Where the delimiters are configured; nbgrader's ``### BEGIN HIDDEN TESTS`` by default.

    Returns
    -------
    NotebookNode
        The same notebook. Cells with hidden tests keep the visible part of their source and the points
        they earned.
    """
    settings = settings or ClearHiddenTests()
    hidden: set[str] = set()
    for cell in notebook.cells:
        cell.source, lines = _split(cell.source, settings)
        hidden |= {squeezed for line in lines if len(squeezed := _squeezed(line)) >= TELLING}
        if lines and cell.cell_type == "code":
            cell.outputs = [made for output in cell.outputs for made in _only_points(output)]
    if hidden:
        for cell in notebook.cells:
            if cell.cell_type == "code":
                for output in cell.outputs:
                    _take_out(output, hidden)
    return notebook


def _split(source: str, settings: ClearHiddenTests) -> tuple[str, list[str]]:
    """A source without its hidden regions, and the lines in them. One that never ends runs to the end."""
    kept: list[str] = []
    hidden: list[str] = []
    inside = False
    for line in source.split("\n"):
        if settings.begin_test_delimeter in line:
            inside = True
        elif settings.end_test_delimeter in line:
            inside = False
        else:
            (hidden if inside else kept).append(line)
    return "\n".join(kept), hidden


def _only_points(output: NotebookNode) -> list[NotebookNode]:
    """Of the outputs of a cell with hidden tests: its partial credit, or that it failed."""
    if output.output_type == "error":
        words = f"{output.get('ename', 'Error')}: {SAID}"
        return [NotebookNode(output_type="error", ename=output.ename, evalue=SAID, traceback=[words])]
    text = str(output.get("data", {}).get("text/plain", ""))
    if output.output_type == "execute_result" and re.fullmatch(r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?", text.strip()):
        output.data = NotebookNode({"text/plain": text.strip()})
        return [output]
    return []


def _take_out(output: NotebookNode, hidden: set[str]) -> None:
    """Take out every line of an output that quotes a hidden one, whoever printed it."""
    if output.output_type == "stream":
        output.text = _lines(output.text, hidden)
    elif output.output_type == "error":
        output.traceback = [_lines(line, hidden) for line in output.traceback]
        output.evalue = _lines(output.evalue, hidden)
    else:
        for mime, text in output.data.items():
            if isinstance(text, str) and not mime.startswith("image/"):
                output.data[mime] = _lines(text, hidden)


def _lines(text: str, hidden: set[str]) -> str:
    return "\n".join(line for line in text.split("\n") if not _quotes(line, hidden))


def _quotes(line: str, hidden: set[str]) -> bool:
    bare = _squeezed(_GUTTER.sub("", _COLOURS.sub("", line)))
    return any(one in bare for one in hidden)


def _squeezed(line: str) -> str:
    return "".join(line.split())
