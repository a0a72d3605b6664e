"""Telling mathematics, code and words apart in a card's sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_PIECE = re.compile(
    r"(?P<fence>```.*?```)|(?P<code>`[^`\n]*`)|\$\$(?P<display>.+?)\$\$|\$(?P<inline>(?:\\.|[^$\\])+)\$|\\.",
    re.DOTALL,
)


@dataclass(frozen=True)
class Piece:
    """A part of a text: `inside` is what stands between the dollars of mathematics, else all of it."""

    kind: Literal["words", "code", "inline", "display"]
    inside: str

    @property
    def is_maths(self) -> bool:
        """Whether it is TeX."""
        return self.kind in ("inline", "display")

    @property
    def written(self) -> str:
        """As it stands in the text."""
        dollars = {"inline": "$", "display": "$$"}.get(self.kind, "")
        return f"{dollars}{self.inside}{dollars}"


def pieces(text: str) -> Iterator[Piece]:
    """Cut a text into words, code and mathematics; written one after the other they are the text."""
    words = ""
    place = 0
    for match in _PIECE.finditer(text):
        words += text[place : match.start()]
        place = match.end()
        if match.lastgroup is None:  # an escaped character, such as a plain dollar
            words += match[0]
            continue
        if words:
            yield Piece("words", words)
            words = ""
        if match.lastgroup == "display":
            yield Piece("display", match["display"])
        elif match.lastgroup == "inline":
            yield Piece("inline", match["inline"])
        else:
            yield Piece("code", match[0])
    words += text[place:]
    if words:
        yield Piece("words", words)
