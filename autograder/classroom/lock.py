"""One run at a time in a course folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.classroom.errors import GradingError


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock file, which names the process that holds it; a killed process lets go by itself.

    Raises
    ------
    GradingError
        If another process holds it.
    """
    import fcntl  # not on Windows, where nothing is graded

    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            raise GradingError(
                f"Another `course grade` (process {holder}) is at work here: wait for it, or end it."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)
