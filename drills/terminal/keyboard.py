"""Reading: a line, or a text of several; from a terminal, over ssh, or from a pipe.

Plain ``input``, with readline's editing where there is any: it needs no terminal that can move its cursor.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

PROMPT = "> "
MORE = "| "


class Keyboard:
    """The standard input."""

    def __init__(self) -> None:
        self.interactive = sys.stdin is not None and sys.stdin.isatty()
        if self.interactive:
            with contextlib.suppress(ImportError):  # not on Windows, whose console edits lines itself
                import readline  # noqa: F401
        reconfigure = getattr(sys.stdin, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")

    def line(self, prompt: str = PROMPT) -> str:
        """Read one line; pasted text may bring several.

        Raises
        ------
        EOFError
            At the end of the input, and at Ctrl-D (Ctrl-Z on Windows).
        """
        try:
            typed = input(prompt)
        except EOFError:
            print()
            raise
        if not self.interactive:
            print(typed)  # so that what is recorded reads like a conversation
        return typed

    def block(self, lines: list[str], end: str, keep: Callable[[str], None]) -> list[str]:
        """Read on after `lines` until a line `end`, or the end of the input.

        Parameters
        ----------
        lines : list of str
            What is there already.
        end : str
            The line that ends it, and is not part of it.
        keep : callable
            Is given the whole text after each line.
        """
        while True:
            try:
                typed = self.line(MORE)
            except EOFError:
                break
            if typed.rstrip() == end:
                break
            lines += typed.split("\n")
            keep("\n".join(lines))
        return lines
