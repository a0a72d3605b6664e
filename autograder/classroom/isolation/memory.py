"""The memory that processes hold together: exactly where it matters, cheaply where it does not."""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from autograder.classroom.isolation.namespaces import SCRATCH, SHARED_SOURCE, WORK_SOURCE
from autograder.classroom.isolation.processes import Identity, Process, parent_of

PAGE = mmap.PAGESIZE
KIB = 1024
TABLES = "VmPTE:"  # of pages: a process needs them also for pages of zeros, which are nobody's memory
NEAR = 0.8  # of the limit: from here on memory is counted exactly
SHARE = 20  # counting takes at most one part in so many of the time
MOST_ENTRIES = 10_000  # of a folder on a disk: who makes more of them fills it too
ENDLESS = 1 << 62
#: What the buffers of one socket may take, in units of their usual size: twice that was seen.
BUFFERS = 3


class Memory:
    """Counts the memory of processes together, exactly only where it matters.

    Pages that a fork shares with the process it was forked from are counted once; shared memory and
    files in memory too. Sockets count with all that their buffers may hold.

    Parameters
    ----------
    first : int
        The process that `enter` announced.
    limit : int
        Bytes; well below it an upper bound is enough.
    """

    def __init__(self, first: int, limit: int) -> None:
        self.files = Files(first)
        self._sockets = Sockets(first)
        self._limit = limit
        self._shares: dict[Identity, tuple[Process, int]] = {}
        self._next = self._next_all = 0.0

    def count(self, found: list[Process]) -> int:
        """Bytes in use, or an upper bound where that is well below the limit.

        A process that has not run since it was counted is not counted again, except now and then: its
        share of a page grows when another lets go of that page. A process that has run is counted when
        its turn comes, or when by its growth the limit may have been passed.
        """
        beside = self.files.bytes() + self._sockets.bytes()
        bound = beside + sum(_resident(one.pid) for one in found)
        if bound < NEAR * self._limit:
            return bound
        now = time.monotonic()
        every = now >= self._next_all or {one.identity for one in found} != set(self._shares)
        stale = found if every else [one for one in found if self._shares[one.identity][0] != one]
        total = beside + self._estimate(found)
        if every or (stale and (now >= self._next or total > self._limit)):
            if every:
                self._shares.clear()
            for one in stale:
                self._shares[one.identity] = one, _proportional(one.pid)
            total = beside + self._estimate(found)
            after = time.monotonic()
            self._next = after + SHARE * (after - now)
            if every:
                self._next_all = max(self._next, after + 1.0)
        return total

    def _estimate(self, found: list[Process]) -> int:
        """The shares as counted, with the growth since then."""
        total = 0
        for one in found:
            if one.identity in self._shares:
                then, share = self._shares[one.identity]
                total += share + max(0, one.pages - then.pages) * PAGE
        return total


class Files:
    """Counts what lies in the folders that a student's processes can write to.

    They are memory that `enter` mounted; the process outside has them too, and unlike the first one lets
    itself be looked into by its own user. Where there are no mounts it is a folder of that process's.
    """

    def __init__(self, first: int) -> None:
        self._mounts: dict[int, int] = {}  # by device: one may be mounted several times
        self._folder: str | None = None
        self._counted, self._next = 0, 0.0
        with suppress(OSError):
            outside = parent_of(first)
            for line in Path(f"/proc/{first}/mountinfo").read_text().splitlines():
                fields, _, source = line.partition(" - tmpfs ")
                if source.startswith((WORK_SOURCE, SHARED_SOURCE)):
                    self._open(f"/proc/{outside}/root{fields.split()[4]}")
            if not self._mounts and os.path.basename(os.readlink(f"/proc/{outside}/cwd")).startswith(SCRATCH):
                self._folder = f"/proc/{outside}/cwd/"

    def bytes(self) -> int:
        """How many bytes there are."""
        if self._folder is None:
            return sum(_filled(mount) for mount in self._mounts.values())
        now = time.monotonic()
        if now >= self._next:
            self._counted = _lying_in(self._folder)
            after = time.monotonic()
            self._next = after + SHARE * (after - now)
        return self._counted

    def close(self) -> None:
        """Let go of what is open."""
        while self._mounts:
            os.close(self._mounts.popitem()[1])

    def _open(self, path: str) -> None:
        descriptor = os.open(path, os.O_PATH)
        if self._mounts.setdefault(os.fstat(descriptor).st_dev, descriptor) != descriptor:
            os.close(descriptor)


class Sockets:
    """Counts the sockets in a network of the student's own, also those that no process has open any more.

    What lies in their buffers is in no process's memory. Where the network is shared they are not counted.
    """

    def __init__(self, first: int) -> None:
        self._path: str | None = None
        with suppress(OSError, ValueError):
            outside = parent_of(first)
            networks = {os.readlink(f"/proc/{pid}/ns/net") for pid in (outside, parent_of(outside))}
            sizes = [Path(f"/proc/sys/net/core/{way}mem_default").read_text() for way in "rw"]
            self._each = BUFFERS * max(map(int, sizes))
            if len(networks) == 2:
                self._path = f"/proc/{first}/net/sockstat"

    def bytes(self) -> int:
        """How many bytes they may take."""
        if self._path is None:
            return 0
        with suppress(OSError), open(self._path) as file:
            return int(file.readline().split()[2]) * self._each  # "sockets: used 12"
        return 0


def _filled(mount: int) -> int:
    state = os.fstatvfs(mount)
    return (state.f_blocks - state.f_bfree) * state.f_frsize


def _lying_in(folder: str) -> int:
    """What lies in a folder on a disk; whoever makes it too large to be walked through has filled it."""
    total = entries = 0
    folders = [folder]
    while folders:
        try:
            with os.scandir(folders.pop()) as found:
                for entry in found:
                    entries += 1
                    with suppress(FileNotFoundError):
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
            continue  # it has gone meanwhile
        except OSError:
            return ENDLESS  # closed, or so deep that its path is too long
        if entries > MOST_ENTRIES:
            return ENDLESS
    return total


def _resident(pid: int) -> int:
    """Anonymous and shared memory of a process, in bytes: what it shares with others included."""
    return sum(_kibibytes(f"/proc/{pid}/status", ("RssAnon:", "RssShmem:", "VmSwap:", TABLES))) * KIB


def _proportional(pid: int) -> int:
    """Its share of that: a page that n processes hold counts as 1/n of one."""
    parts = list(_kibibytes(f"/proc/{pid}/smaps_rollup", ("Pss_Anon:", "Pss_Shmem:", "SwapPss:")))
    if not parts:
        return _resident(pid)  # it may not let itself be read
    return (sum(parts) + sum(_kibibytes(f"/proc/{pid}/status", (TABLES,)))) * KIB


def _kibibytes(path: str, names: tuple[str, ...]) -> Iterator[int]:
    with suppress(OSError), open(path) as file:
        for line in file:
            if line.startswith(names):
                yield int(line.split()[1])
