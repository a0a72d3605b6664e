"""Steps of which submissions are made."""

from __future__ import annotations

import os
from collections.abc import Callable
from textwrap import dedent
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from .attack import NOTEBOOK, Draft, Step


def answer(exercise: str, source: str) -> Step:
    """Write this into the cell of an exercise."""

    def step(draft: Draft) -> None:
        draft.cell(exercise).source = draft.setting.fill(dedent(source).strip())

    return step


def insert(source: str, *, before: str = "clip_loss", markdown: bool = False, **metadata: Any) -> Step:
    """Put a cell of the student's own before the cell with a grade id, at the ``"start"`` or the ``"end"``."""

    def step(draft: Draft) -> None:
        new = new_markdown_cell if markdown else new_code_cell
        cell = new(draft.setting.fill(dedent(source).strip()), metadata=metadata)
        places = {"start": 0, "imported": 2, "end": len(draft.notebook.cells)}
        place = places[before] if before in places else draft.position(before)
        draft.notebook.cells.insert(place, cell)

    return step


def edit(change: Callable[[NotebookNode], Any], *names: str) -> Step:
    """Change cells by grade id."""

    def step(draft: Draft) -> None:
        for name in names:
            change(draft.cell(name))

    return step


def rework(change: Callable[[Draft], Any]) -> Step:
    """Change the notebook, or the folder, in any way."""

    def step(draft: Draft) -> None:
        change(draft)

    return step


def beside(name: str | bytes, content: str | bytes) -> Step:
    """Put a file beside the notebook; its name may have folders in it, and need not be text."""

    def step(draft: Draft) -> None:
        path = os.path.join(os.fsencode(draft.folder), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        data = draft.setting.fill(dedent(content)).encode() if isinstance(content, str) else content
        with open(path, "wb") as file:
            file.write(data)

    return step


def instead(content: bytes | Callable[[Draft], bytes], name: str = f"{NOTEBOOK}.ipynb") -> Step:
    """Hand in these bytes instead of the notebook."""

    def step(draft: Draft) -> None:
        draft.raw = True
        (draft.folder / name).write_bytes(content(draft) if callable(content) else content)

    return step


def in_answer(body: str) -> str:
    """A wrong `clip_loss` that does this first."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return f"def clip_loss(image_features, text_features, logit_scale):\n{lines}\n    return logit_scale"
