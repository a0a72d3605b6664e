"""Reading a line: from a terminal, over ssh, or from a pipe.

Plain ``input``, with readline's editing where there is any: it needs no terminal that can move its cursor.
"""

from __future__ import annotations

import contextlib
import sys

PROMPT = "> "
MORE = "| "  # within a text of several lines


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
