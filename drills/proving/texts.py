"""What a card's sentences hold: no control characters, and TeX that MathJax and a terminal can show."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from drills.filling import with_one
from drills.maths.parser import TexError, parse
from drills.maths.pieces import pieces
from drills.proving.fault import Findings
from drills.schema import Base, Numeric

_BARE_SCRIPT = re.compile(r"[\^_]\s*\[\[")
_TAG = re.compile(r"<[A-Za-z/!][^>]*>")
_PROGRAMS = ("starter", "solution", "code", "fix")


def text_faults(card: Base) -> Findings:
    """What is wrong with the sentences of a card."""
    for field, text in strings(card.model_dump()):
        for character in text:
            if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co") and character not in "\n\t":
                yield field, f"holds the control character U+{ord(character):04X}"
        if _is_program(card, field):
            continue
        if not isinstance(card, Numeric) and with_one(text) != text:
            yield field, "holds [[…]], which only numeric cards fill in"
        yield from ((field, fault) for fault in _maths(text))


def sentences(card: Base) -> Iterator[tuple[str, str]]:
    """Every string of a card that is no program, with its field; a value to be filled in is a 1."""
    for field, text in strings(card.model_dump()):
        if not _is_program(card, field):
            yield field, with_one(text)


def strings(value: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Every string in nested dicts and lists, with the way to it: ``steps.0.formula.answer``."""
    if isinstance(value, str):
        yield field, value
        return
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, tuple) else ()
    for key, one in inner:
        yield from strings(one, f"{field}.{key}" if field else str(key))


def _is_program(card: Base, field: str) -> bool:
    return field in _PROGRAMS and not isinstance(card, Numeric)


def _maths(text: str) -> Iterator[str]:
    for piece in pieces(text):
        if piece.is_maths and _BARE_SCRIPT.search(piece.inside):
            yield f"in ${_start(piece.inside)}$: a value in a script needs braces, ^{{[[…]]}}"
    for piece in pieces(with_one(text)):
        if piece.is_maths:
            try:
                parse(piece.inside)
            except TexError as error:
                yield f"in ${_start(piece.inside)}$: {error}"
        elif piece.kind == "words" and (tag := _TAG.search(piece.inside)):
            yield f"holds {tag[0][:40]}, which a terminal drops as HTML; code stands between backquotes"
        elif piece.kind == "words" and "$" in piece.inside.replace("\\$", ""):
            yield "has a dollar that opens no mathematics; a plain one is written \\$"


def _start(tex: str) -> str:
    return " ".join(tex.split())[:60]
