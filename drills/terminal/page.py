"""What stands on the terminal since something was typed last."""

from __future__ import annotations

from typing import Any, TextIO


class Page:
    """A stream that counts its lines; in all else it is the stream that it is given.

    Parameters
    ----------
    stream : text stream

    Attributes
    ----------
    lines : int
        Written since `turn`.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lines = 0

    def write(self, text: str) -> int:
        """Write, and count."""
        self.lines += text.count("\n")
        return self._stream.write(text)

    def turn(self) -> None:
        """Begin anew: what stands there was seen."""
        self.lines = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
