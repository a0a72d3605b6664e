"""What a terminal shows that lacks a character: its nearest relative in ASCII, never a traceback."""

from __future__ import annotations

import codecs
import unicodedata
from typing import TextIO

NAME = "course-nearest"
_NEAR = {
    "‘": "'", "’": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-", "−": "-", "…": "...",
    "·": "*", "×": "x", "÷": "/", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "→": "->", "←": "<-",
    "∞": "inf", "√": "sqrt", "∑": "sum", "Σ": "sum", "∏": "prod", "∂": "d", "∈": "in", "•": "*",
    "‖": "||", "∣": "|", "⟨": "<", "⟩": ">", "∇": "grad", "⊤": "T", "ᵀ": "T", "⌊": "floor(", "⌋": ")",
    "⌈": "ceil(", "⌉": ")", "✓": "+", "✗": "-", "━": "-", "─": "-", "│": "|", "▌": "|",
}  # fmt: skip


def nearest(character: str) -> str:
    """A character in ASCII: as it is mostly transcribed, by name for Greek, else a question mark."""
    if character in _NEAR:
        return _NEAR[character]
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    if plain:
        return plain
    words = unicodedata.name(character, "").split()
    return words[-1].lower() if words[:1] == ["GREEK"] else "?"


def _handle(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    try:
        near = "".join(nearest(character) for character in lacking)
        near.encode(error.encoding)
    except UnicodeError:
        near = "?" * len(lacking)
    return near, error.end


def speak_plainly(stream: TextIO) -> None:
    """Let a stream replace what its encoding lacks, as `nearest` says."""
    codecs.register_error(NAME, _handle)
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=NAME)
