"""Notebook files as bytes: read with one clear reason when that is impossible, written only when valid."""

from __future__ import annotations

import json

import nbformat
from nbformat import NotebookNode

__all__ = ["dumps", "loads"]


def loads(content: bytes) -> NotebookNode:
    """Notebook in `content`.

    Raises
    ------
    ValueError
        If it is not a notebook of format 4; the message gives the reason as a clause.
    """
    try:
        data = json.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno} is not JSON") from error
    if not isinstance(data, dict) or not isinstance(data.get("cells"), list):
        raise ValueError("it has no list of cells")
    if data.get("nbformat") != 4:
        raise ValueError(f"its format should be 4, but is {data.get('nbformat')!r}")
    # Editors differ in how carefully they write ids; those are repaired in a merge, the rest must hold.
    lax = {**data, "nbformat_minor": 4, "cells": [_without_id(cell) for cell in data["cells"]]}
    _validate(lax)
    return nbformat.v4.reads(content.decode("utf-8"))


def dumps(notebook: NotebookNode) -> bytes:
    """Content of the file for `notebook`.

    Raises
    ------
    ValueError
        If it is not valid.
    """
    _validate(notebook)
    return (nbformat.v4.writes(notebook) + "\n").encode("utf-8")


def _without_id(cell: object) -> object:
    return {key: value for key, value in cell.items() if key != "id"} if isinstance(cell, dict) else cell


def _validate(notebook: dict) -> None:
    try:
        nbformat.validate(notebook, relax_add_props=True)  # editors add properties of their own
    except nbformat.ValidationError as error:
        raise ValueError(f"it breaks the notebook format: {str(error).splitlines()[0]}") from error
