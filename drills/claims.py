"""Which sitting a process is at just now: a lock of the operating system, which a killed process lets go."""

from __future__ import annotations

import os
import sys
import zlib
from pathlib import Path

_RANGE = 0x7FFF_0000  # bytes of the file, which need not exist to be locked

_open: dict[Path, int] = {}  # closing a file lets go of all its locks, so each is opened once
_mine: set[tuple[Path, str]] = set()


def claim(records: Path | None, sitting: str) -> bool:
    """Take a sitting for this process, as long as it lives or until `release`; False if somebody has it.

    Parameters
    ----------
    records : Path or None
        The drills file; the locks are on a file beside it. None shares nothing with anybody.
    sitting : str
        Its id.
    """
    if records is None:
        return True
    path = records.with_name(records.name + ".lock")
    if (path, sitting) in _mine:
        return False
    try:
        if path not in _open:
            path.parent.mkdir(parents=True, exist_ok=True)
            _open[path] = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return True  # where nothing can be written, nobody else can go on with it either
    try:
        _lock(_open[path], _byte(sitting), take=True)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True  # a folder on a network without locks
    _mine.add((path, sitting))
    return True


def release(records: Path | None, sitting: str) -> None:
    """Let others have a sitting that was claimed here."""
    if records is None:
        return
    path = records.with_name(records.name + ".lock")
    if (path, sitting) in _mine:
        _mine.discard((path, sitting))
        _lock(_open[path], _byte(sitting), take=False)


def _byte(sitting: str) -> int:
    return zlib.crc32(sitting.encode()) % _RANGE


if sys.platform == "win32":

    def _lock(descriptor: int, place: int, *, take: bool) -> None:
        import msvcrt

        os.lseek(descriptor, place, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK if take else msvcrt.LK_UNLCK, 1)

else:

    def _lock(descriptor: int, place: int, *, take: bool) -> None:
        import fcntl

        how = fcntl.LOCK_EX | fcntl.LOCK_NB if take else fcntl.LOCK_UN
        fcntl.lockf(descriptor, how, 1, place)
