"""What a proof finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

#: A field of a card and what is wrong with it.
Finding = tuple[str, str]
Findings = Iterator[Finding]


@dataclass(frozen=True, order=True)
class Fault:
    """A fault of a card, or of the deck; `str` gives the line that its author reads.

    Parameters
    ----------
    file : str
        Under ``drills/cards``; empty if it is the whole deck's.
    card, field : str
        Where; empty if it is the whole file's.
    says : str
        What is wrong.
    warning : bool
        Whether it may stay: something to look at.
    """

    file: str
    card: str
    field: str
    says: str
    warning: bool = False

    def __str__(self) -> str:
        places = [self.file, f"card {self.card}" if self.card else "", self.field]
        where = ", ".join(place for place in places if place) or "the deck"
        return f"{where}: {'(look) ' if self.warning else ''}{self.says}"
