"""What a piece of TeX is once it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "ordinary", "number", "operation", "large", "open", "close", "fence", "comma", "space", "words"
]


@dataclass(frozen=True)
class Sign:
    """A character or a word, and how it behaves among others."""

    text: str
    kind: Kind


@dataclass(frozen=True)
class Row:
    """Things one after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Scripted:
    """Something with a subscript, a superscript, or both."""

    base: Node
    below: Node | None
    above: Node | None


@dataclass(frozen=True)
class Fraction:
    """One thing over another; without a line it is a binomial coefficient."""

    top: Node
    bottom: Node
    line: bool = True


@dataclass(frozen=True)
class Root:
    """A root, square unless it says of which order."""

    of: Node
    order: Node | None


@dataclass(frozen=True)
class Accented:
    """Something with a mark, a combining character, on it."""

    mark: str
    of: Node


@dataclass(frozen=True)
class Lettered:
    """Something in another alphabet."""

    alphabet: str
    of: Node


@dataclass(frozen=True)
class Grid:
    """Rows of cells: a matrix, or lines set below one another."""

    environment: str
    rows: tuple[tuple[Node, ...], ...]


Node = Sign | Row | Scripted | Fraction | Root | Accented | Lettered | Grid
