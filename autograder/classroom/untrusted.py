"""JSON that somebody else wrote: read within limits, and made fit to be written again."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from nbformat import NotebookNode

MAX_BYTES = 20 << 20
MAX_DEPTH = 100  # of brackets; a notebook written by Jupyter needs about 10
LARGEST = 10**19  # Python writes no integer of thousands of digits
MAX_BRACKETS = 500_000  # each pair costs up to 600 bytes of memory

#: The longest run that can be a string in JSON; one without an end reaches to the end of the text, so that
#: the search never starts again inside it.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NO_BRACKET = re.compile(r"[^][{}]+")
_PAIRS = str.maketrans("{}", "[]")


class UnreadableError(ValueError):
    """Not a notebook; the message says why, as the end of a sentence."""


def load(raw: bytes) -> dict[str, Any]:
    """Read an object of JSON.

    Raises
    ------
    UnreadableError
        If it is none, or beyond `MAX_BYTES`, `MAX_DEPTH` or `MAX_BRACKETS`.
    """
    if len(raw) > MAX_BYTES:
        raise UnreadableError(f"it has {len(raw):,} bytes, and the limit is {MAX_BYTES:,}")
    # Also UTF-16 and UTF-32, with or without a mark; a few wrong bytes in a text are no reason to lose it.
    text = raw.decode(json.detect_encoding(raw), "replace")
    if not text.strip():
        raise UnreadableError("it is empty")
    _need_flat(text)
    try:
        data = _parse(text)
    except json.JSONDecodeError as error:
        what = f"{error.msg}, line {error.lineno}"
        raise UnreadableError(f"it is not JSON ({what}): cut off, or not a notebook") from error
    if not isinstance(data, dict):
        raise UnreadableError("it is JSON, but not a notebook")
    return data


def _need_flat(text: str) -> None:
    """Refuse deep nesting before anything walks it: what is parsed here is walked recursively afterwards."""
    brackets = _NO_BRACKET.sub("", _STRING.sub("", text)).translate(_PAIRS)
    if len(brackets) > MAX_BRACKETS:
        raise UnreadableError(f"it has {len(brackets):,} brackets, and the limit is {MAX_BRACKETS:,}")
    for _ in range(MAX_DEPTH):  # each round takes the innermost pairs away
        outer = brackets.replace("[]", "")
        if len(outer) == len(brackets):
            break
        brackets = outer
    # What is left is nested deeper, or is no JSON and may open any number of brackets without closing them.
    if "[]" in brackets or brackets.count("[") > MAX_DEPTH:
        raise UnreadableError(f"it is nested more than {MAX_DEPTH} levels deep")


def _parse(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda name: None)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of more digits than Python reads
        return json.loads(text, parse_constant=lambda name: None, parse_int=_integer)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float(digits)


def clean(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Make a value that can be written as JSON: text that is UTF-8, finite numbers, no endless nesting.

    What has no place in it becomes None.
    """
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict) and depth:
        return NotebookNode({text(key): clean(inner, depth - 1) for key, inner in value.items()})
    if isinstance(value, list) and depth:
        return [clean(inner, depth - 1) for inner in value]
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) < LARGEST):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else None


def text(value: Any) -> str:
    """Make one string from what the format allows as text, without halves of surrogate pairs."""
    if isinstance(value, list):
        value = "".join(item if isinstance(item, str) else "" for item in value)
    if not isinstance(value, str):
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def strings(value: Any) -> bool:
    """Whether it is a list of strings."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
