"""What can be typed instead of an answer."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum


class Command(Enum):
    """A command: the letter, its word, and what it does."""

    HELP = ("?", "help", "shows this")
    UNKNOWN = ("x", "pass", "says that you do not know, and shows the answer")
    ALOUD = ("s", "say", "says the answer aloud, with a stop-watch")
    EDIT = ("e", "edit", "opens your editor")
    SKIP = ("k", "skip", "leaves this card unrated")
    QUIT = ("q", "quit", "stops here; what you did is kept, and goes on at this step")

    @property
    def letter(self) -> str:
        """What is typed mostly."""
        return self.value[0]

    @property
    def word(self) -> str:
        """What can be typed, too."""
        return self.value[1]

    @property
    def does(self) -> str:
        """What it does."""
        return self.value[2]


class Quit(Exception):
    """Somebody wants to stop here."""


class SkipCard(Exception):
    """Somebody wants to leave this card."""


def read(typed: str, allowed: Collection[Command], taken: Collection[str] = ()) -> Command | None:
    """The command that was typed, if it is one.

    Parameters
    ----------
    typed : str
        A line.
    allowed : collection of Command
        Those that make sense here.
    taken : collection of str
        What means something else here, such as the names in a formula; with a colon in front
        (``:q``) a command is one all the same.
    """
    word = typed.strip().lower()
    if word.startswith(":"):
        word = word[1:]
    elif word in taken:
        return None
    return next((one for one in allowed if word in (one.letter, one.word)), None)
