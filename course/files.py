"""Writing a learner's files so that neither a crash nor a second writer can lose one."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from course.errors import CourseError

__all__ = ["back_up", "write"]


def write(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step: a reader finds the old file or the new one, never half of it.

    Raises
    ------
    CourseError
        If the folder or the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise CourseError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):  # there is one only if the write failed, or was interrupted
            temporary.unlink()


def back_up(path: Path, folder: Path) -> Path:
    """Copy `path` into `folder` under a name that carries the time; an earlier backup is never overwritten.

    Returns
    -------
    Path
        The backup, such as ``infonce-20260131T174205.ipynb``.

    Raises
    ------
    CourseError
        If the file cannot be read or the backup cannot be written.
    """
    stamp = datetime.now().strftime("%Y%m%dT%H%M%S")
    try:
        content = path.read_bytes()
        folder.mkdir(parents=True, exist_ok=True)
        for count in range(1, 1000):
            suffix = "" if count == 1 else f"-{count}"
            backup = folder / f"{path.stem}-{stamp}{suffix}{path.suffix}"
            try:
                with backup.open("xb") as file:
                    file.write(content)
            except FileExistsError:
                continue
            return backup
    except OSError as error:
        raise CourseError(f"Cannot back up {path} into {folder}: {error.strerror or error}.") from error
    raise CourseError(f"Cannot back up {path}: {folder} already holds 999 backups of this second.")
