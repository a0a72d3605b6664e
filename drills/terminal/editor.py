"""The learner's own editor."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_USUAL = ("notepad",) if sys.platform == "win32" else ("nano", "vim", "vi")


class NoEditor(RuntimeError):
    """No editor could be opened; the message says why."""


def command() -> list[str] | None:
    """What opens the editor: ``$VISUAL``, ``$EDITOR``, or a usual one; None if there is none."""
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if named:
        words = shlex.split(named, posix=sys.platform != "win32")
        return [word.strip('"') for word in words] or None
    found = next((path for name in _USUAL if (path := shutil.which(name))), None)
    return [found] if found else None


def edit(text: str, suffix: str) -> str:
    """Let the learner edit a text, and return it.

    Parameters
    ----------
    text : str
    suffix : str
        Of the file, by which an editor knows its language: ``.py``, ``.md``.

    Raises
    ------
    NoEditor
        If there is none, or it fails; the text is unchanged then.
    """
    words = command()
    if words is None:
        raise NoEditor("There is no editor here: set EDITOR to yours, or type the text.")
    with tempfile.TemporaryDirectory(prefix="course-drill-", ignore_cleanup_errors=True) as folder:
        path = Path(folder, f"answer{suffix}")
        path.write_text(text, encoding="utf-8")
        try:
            status = subprocess.run([*words, str(path)], check=False).returncode
            edited = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise NoEditor(f"{words[0]} could not be used: {error}. Set EDITOR, or type the text.") from None
    if status:
        raise NoEditor(f"{words[0]} ended with status {status}, so its text does not count.")
    return edited
