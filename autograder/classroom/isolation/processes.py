"""Reading /proc: a tree of processes, their CPU time and threads; signals to exactly those."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100  # importing works anywhere
Identity = tuple[int, int]  # process id and start time: ids are used again


@dataclass(frozen=True)
class Process:
    """One process: its identity, CPU time, threads, and the size of its memory in pages."""

    pid: int
    started: int
    own_seconds: float
    waited_seconds: float
    threads: int
    pages: int
    busy: bool

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
        numbers[20],
        fields[0] in b"RD",
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


def children(pid: int) -> list[Process]:
    """The processes that a process started, or inherited, and that still run."""
    return [one for one in map(read, _children(pid)) if one is not None and one.threads]


def _children(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError), open(f"/proc/{pid}/task/{task}/children") as file:
                yield from map(int, file.read().split())


def parent_of(pid: int) -> int:
    """Its parent."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[1])


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
