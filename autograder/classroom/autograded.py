"""The folder of an autograded submission: what formgrader, nbgrader and feedback read afterwards."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

TIMESTAMP = "timestamp.txt"


def write(target: Path, files: Mapping[str, bytes], *, mode: int = 0o444, groupshared: bool = False) -> None:
    """Put the files into a folder, and that in the place of the old one.

    The old folder stays until the new one is complete. Ended in between, the next call clears up.

    Parameters
    ----------
    target : Path
        ``autograded/STUDENT/ASSIGNMENT``.
    files : mapping of str to bytes
        By relative path.
    mode : int
        Permissions of the files; nbgrader makes them read-only.
    groupshared : bool
        Whether the group may write, as nbgrader's option of that name says.

    Raises
    ------
    ValueError
        If a path leads out of the folder.
    OSError
        If it cannot be written; the old folder is still there.
    """
    for path in files:
        inside(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # A leading dot: nbgrader's patterns pass over them.
    fresh, old = (target.with_name(f".{target.name}.{word}") for word in ("new", "old"))
    for leftover in (fresh, old):
        _remove(leftover)
    fresh.mkdir()
    try:
        for path, content in files.items():
            place = fresh.joinpath(*inside(path).parts)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
            place.chmod(mode)
        if groupshared:
            _share(fresh)
        if os.path.lexists(target):
            os.rename(target, old)
        os.rename(fresh, target)
    finally:
        _remove(fresh)
        if os.path.lexists(old) and not os.path.lexists(target):
            os.rename(old, target)
    _remove(old)


def inside(path: str) -> PurePosixPath:
    """The relative path, if it stays within its folder.

    Raises
    ------
    ValueError
        If it does not.
    """
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or ".." in pure.parts or not pure.parts or "\0" in path:
        raise ValueError(f"{path!r} is not a path within a submission")
    return pure


def _share(folder: Path) -> None:
    for directory, _, _ in os.walk(folder):
        os.chmod(directory, (os.stat(directory).st_mode | 0o2770) & 0o2777)


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
