"""Reading /proc: a tree of processes, their CPU time, and the memory that they hold together."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from autograder.classroom.isolation.namespaces import SHARED_SOURCE, WORK_SOURCE

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
KIB = 1024
NEAR = 0.8  # of the limit: from here on memory is counted exactly
SHARE = 10  # counting exactly takes at most one part in so many of the time
Identity = tuple[int, int]  # process id and start time: ids are used again


@dataclass(frozen=True)
class Process:
    """One process: its identity, CPU time, threads."""

    pid: int
    started: int
    own_seconds: float
    waited_seconds: float
    threads: int
    faults: int
    pages: int

    @property
    def identity(self) -> Identity:
        """What no later process has as well."""
        return self.pid, self.started


def read(pid: int) -> Process | None:
    """The process now; None when it has gone, or only waits to be waited for."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    numbers = [int(field) for field in fields[1:]]  # numbers[i] is field i + 4 of proc(5)
    user, system, waited_user, waited_system = numbers[10:14]
    return Process(
        pid,
        numbers[18],
        (user + system) / TICK,
        (waited_user + waited_system) / TICK,
        0 if fields[0] in b"ZX" else numbers[16],
        numbers[6] + numbers[8],
        numbers[20],
    )


def tree(pid: int) -> list[Process]:
    """The process and all below it."""
    found: dict[int, Process] = {}
    queue = [pid]
    while queue:
        current = queue.pop()
        if current not in found and (process := read(current)):
            found[current] = process
            queue += _children(current)
    return list(found.values())


def _children(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError), open(f"/proc/{pid}/task/{task}/children") as file:
                yield from map(int, file.read().split())


def is_first(pid: int) -> bool:
    """Whether the process is the first one of a PID namespace below ours."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return line.split()[2:3] != [] and line.split()[-1] == "1"
    return False


def alive(identity: Identity) -> bool:
    """Whether that very process still runs."""
    process = read(identity[0])
    return process is not None and process.started == identity[1] and process.threads > 0


def signal_if_same(identity: Identity, number: signal.Signals) -> bool:
    """Send a signal to that very process; False if it has ended."""
    with suppress(OSError):
        fd = os.pidfd_open(identity[0])
        try:
            if alive(identity):
                signal.pidfd_send_signal(fd, number)
                return True
        finally:
            os.close(fd)
    return False


class Memory:
    """Counts the memory of processes together, exactly only where it matters.

    Pages that a fork shares with the process it was forked from are counted once; shared memory and
    files in memory too.

    Parameters
    ----------
    first : int
        The first process of the tree: its parent has the same file systems in memory.
    limit : int
        Bytes; well below it an upper bound is enough.
    """

    def __init__(self, first: int, limit: int) -> None:
        self._limit = limit
        self._exact = 0
        self._counted: dict[Identity, int] = {}
        self._next = 0.0
        self._mounts = _mounts(first)

    def count(self, processes: list[Process]) -> int:
        """Bytes in use, or an upper bound below the limit."""
        files = sum(_filled(mount) for mount in self._mounts)
        bound = files + sum(_resident(one.pid) for one in processes)
        if bound < NEAR * self._limit:
            return bound
        now = time.monotonic()
        pages = {one.identity: one.pages for one in processes}
        grown = sum(max(0, n - self._counted.get(i, 0)) for i, n in pages.items()) * PAGE
        if now >= self._next or self._exact + grown > self._limit:
            self._exact = files + sum(_proportional(one.pid) for one in processes)
            self._counted, grown = pages, 0
            after = time.monotonic()
            self._next = after + SHARE * (after - now)
        return self._exact + grown

    def close(self) -> None:
        """Let go of what is open."""
        while self._mounts:
            os.close(self._mounts.pop())


def _mounts(first: int) -> list[int]:
    """The file systems in memory that `enter` mounted, opened through the process outside.

    That one has them too, and unlike the first process lets itself be looked into by its own user.
    """
    found = []
    with suppress(OSError), open(f"/proc/{first}/stat", "rb") as file:
        parent = int(file.read().rpartition(b")")[2].split()[1])
        for line in Path(f"/proc/{first}/mountinfo").read_text().splitlines():
            fields, _, source = line.partition(" - tmpfs ")
            if source.startswith((WORK_SOURCE, SHARED_SOURCE)):
                found.append(os.open(f"/proc/{parent}/root{fields.split()[4]}", os.O_PATH))
    return found


def _filled(mount: int) -> int:
    state = os.fstatvfs(mount)
    return (state.f_blocks - state.f_bfree) * state.f_frsize


def _resident(pid: int) -> int:
    """Anonymous and shared memory of a process, in bytes: what it shares with others included."""
    return sum(_kibibytes(f"/proc/{pid}/status", ("RssAnon:", "RssShmem:", "VmSwap:"))) * KIB


def _proportional(pid: int) -> int:
    """Its share of that: a page that n processes hold counts as 1/n of one."""
    parts = list(_kibibytes(f"/proc/{pid}/smaps_rollup", ("Pss_Anon:", "Pss_Shmem:", "SwapPss:")))
    return sum(parts) * KIB if parts else _resident(pid)  # it may not let itself be read


def _kibibytes(path: str, names: tuple[str, ...]) -> Iterator[int]:
    with suppress(OSError), open(path) as file:
        for line in file:
            if line.startswith(names):
                yield int(line.split()[1])
