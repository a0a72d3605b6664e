"""Cutting TeX into commands, numbers and characters, and knowing how each sign behaves."""

from __future__ import annotations

import re

from drills.maths import symbols
from drills.maths.tree import Kind, Sign

_TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|[0-9]+(?:\.[0-9]+|\{,\}[0-9]+)*|\s+|:=|.", re.DOTALL)
_KINDS: dict[str, Kind] = {
    **dict.fromkeys([*"+-−=<>:≤≥≠≈·×→∈∼±*", ":="], "operation"),
    **dict.fromkeys("([⟨⌊⌈", "open"),
    **dict.fromkeys(")]⟩⌋⌉", "close"),
    **dict.fromkeys("|‖", "fence"),
    **dict.fromkeys(",;.", "comma"),
}
_TABLES: list[tuple[dict[str, str], Kind]] = [
    (symbols.ORDINARY, "ordinary"),
    (symbols.OPERATIONS, "operation"),
    (symbols.LARGE, "large"),
    (symbols.OPENING, "open"),
    (symbols.CLOSING, "close"),
    (symbols.FENCES, "fence"),
    (symbols.SPACES, "space"),
]
#: Commands that stand for one sign.
NAMED = {f"\\{name}": Sign(text, kind) for table, kind in _TABLES for name, text in table.items()}


def tokens(tex: str) -> list[str]:
    """Cut TeX into commands, numbers, blank space and single characters."""
    return _TOKEN.findall(tex)


def kind(character: str) -> Kind:
    """How a character behaves that is no command."""
    return _KINDS.get(character, "ordinary")
