"""A notebook whose cells, outputs and metadata are harmless in any page that nbconvert makes of it."""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import MutableMapping
from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

from autograder.classroom.harmless.markup import clean, harmless_tex, markdown_to_html

#: Representations that are shown, most telling first. Whatever else an output offers is left out.
SHOWN = ("text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/latex", "text/plain")
SCRIPT = "(This output is a script or a widget, which is not run here.)"

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-ln-z]|\x1b(?!\[)")  # all but colours


def harmless(notebook: NotebookNode) -> NotebookNode:
    """Make a notebook harmless, in place.

    Parameters
    ----------
    notebook : NotebookNode
        Of format 4, as a student's submission ran. Markdown cells keep their source: what Markdown makes of
        it is only known when it is translated, where `markup.markdown` looks at the result.

    Returns
    -------
    NotebookNode
        The same notebook.
    """
    language = notebook.metadata.get("language_info", {}).get("name")
    notebook.metadata = NotebookNode(language_info=NotebookNode(name="python" if language != "r" else "r"))
    for place, cell in enumerate(notebook.cells):
        if "id" in cell and not _NAME.fullmatch(str(cell.id)):
            cell.id = f"cell-{place}"
        _cell(cell)
    return notebook


class Harmless(Preprocessor):
    """`harmless` as a step of nbconvert; see ``nbgrader_config.py``."""

    enabled = True

    def preprocess(
        self, nb: NotebookNode, resources: MutableMapping[str, Any]
    ) -> tuple[NotebookNode, MutableMapping[str, Any]]:
        """Make the notebook harmless; nothing else changes."""
        return harmless(nb), resources


def _cell(cell: NotebookNode) -> None:
    metadata = cell.get("metadata", {})
    kept = NotebookNode({"tags": [tag for tag in metadata.get("tags", []) if isinstance(tag, str)]})
    marks = metadata.get("nbgrader")
    if isinstance(marks, dict) and _NAME.fullmatch(str(marks.get("grade_id", ""))):
        kept.nbgrader = marks
    cell.metadata = kept
    if cell.cell_type == "raw":
        cell.source = clean(cell.source)
    if cell.cell_type == "code":
        cell.execution_count = _number(cell.get("execution_count"))
        cell.outputs = [_output(output) for output in cell.get("outputs", [])]


def _output(output: NotebookNode) -> NotebookNode:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return NotebookNode(output_type="stream", name=name, text=_plain(output.get("text")))
    if kind == "error":
        return NotebookNode(
            output_type="error",
            ename=_plain(output.get("ename")),
            evalue=_plain(output.get("evalue")),
            traceback=[_plain(line) for line in output.get("traceback", [])],
        )
    made = NotebookNode(
        output_type="execute_result" if kind == "execute_result" else "display_data",
        data=_data(output.get("data") or {}),
        metadata=_sizes(output.get("metadata") or {}),
    )
    if kind == "execute_result":
        made.execution_count = _number(output.get("execution_count"))
    return made


def _data(data: dict[str, Any]) -> NotebookNode:
    """The representations that can be shown, each made harmless; the words for one that cannot."""
    kept = NotebookNode()
    for mime in SHOWN:
        if mime not in data:
            continue
        text = _joined(data[mime])
        if mime == "text/html":
            # What nothing is left of was a script, with or without a text for where there is none.
            if not (text := clean(text)).strip():
                continue
        elif mime == "text/markdown":
            mime, text = "text/html", markdown_to_html(text)
        elif mime == "image/svg+xml":  # as a picture, an SVG runs nothing and loads nothing
            picture = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
            mime, text = "text/html", f'<img alt="A drawing" src="data:image/svg+xml;base64,{picture}">'
        elif mime.startswith("image/"):
            if (text := _picture(text)) == "":
                continue
        elif mime == "text/latex":
            text = harmless_tex(text)
        else:
            text = _plain(text)
        kept.setdefault(mime, text)
    if not kept or (set(kept) == {"text/plain"} and _runs(data)):
        words = f"{kept.get('text/plain', '')}\n{SCRIPT}".strip()
        kept["text/plain"] = words
    return kept


def _runs(data: dict[str, Any]) -> bool:
    return any("javascript" in mime or "widget" in mime or mime == "text/html" for mime in data)


def _picture(text: str) -> str:
    """Base 64 written anew, so that it is nothing else."""
    try:
        return base64.b64encode(base64.b64decode("".join(text.split()), validate=True)).decode("ascii")
    except (binascii.Error, ValueError):
        return ""


def _sizes(metadata: dict[str, Any]) -> NotebookNode:
    """Width, height and words of pictures: all that templates read of an output's metadata."""
    kept = NotebookNode()
    for mime in ("image/png", "image/jpeg"):
        given = metadata.get(mime)
        if isinstance(given, dict):
            sizes = {name: _number(given.get(name)) for name in ("width", "height")}
            kept[mime] = NotebookNode({name: size for name, size in sizes.items() if size is not None})
            if isinstance(given.get("alt"), str):
                kept[mime].alt = html.unescape(given["alt"])
    return kept


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100_000:
        return None
    return int(value)


def _joined(value: object) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def _plain(value: object) -> str:
    """Text for a `<pre>`, with colours as the only escapes."""
    return _ESCAPES.sub("", _joined("" if value is None else value))
