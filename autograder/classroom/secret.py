"""The class's secret, from which each student's hidden cases are derived; it is never printed."""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from autograder.classroom.errors import GradingError

VARIABLE = "COURSE_SEED"
BYTES = 32


def secret(folder: Path, *, make: bool = True) -> bytes:
    """The secret of a class: ``COURSE_SEED``, else a file, which is made at first use.

    Parameters
    ----------
    folder : Path
        Where the file ``secret`` lies.
    make : bool
        Whether to make it; without it and without a file the answer is empty, and no hidden cases are put.

    Raises
    ------
    GradingError
        If the file cannot be read or made, or is empty.
    """
    if named := os.environ.get(VARIABLE, ""):
        return named.encode("utf-8", "surrogateescape")
    path = folder / "secret"
    try:
        if make and not path.exists():
            _make(path)
        if not path.exists():
            return b""
        found = path.read_bytes().strip()
    except OSError as error:
        raise GradingError(f"The class's secret, {path}, cannot be used: {error.strerror}.") from error
    if not found:
        raise GradingError(
            f"The class's secret, {path}, is empty: put it back from a copy, or delete it for a new one."
        )
    return found


def key(of_class: bytes, student: str) -> bytes:
    """The student's key; empty if the class has no secret."""
    if not of_class:
        return b""
    return hmac.digest(of_class, student.encode("utf-8", "surrogateescape"), "sha256")


def _make(path: Path) -> None:
    # Complete before it has its name, and never over a secret that another process has just made.
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".secret.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{secrets.token_hex(BYTES)}\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(partial, path)
    finally:
        partial.unlink()
