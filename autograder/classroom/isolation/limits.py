"""What one notebook may take, and the part of it that the kernel counts per process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Bounds(Protocol):
    """What isolation reads of limits: `autograder.classroom.task.Limits` fits, and so does `Limits`."""

    @property
    def memory_bytes(self) -> int:
        """Of all processes together."""

    @property
    def work_bytes(self) -> int:
        """Of the work folder and /tmp together."""

    @property
    def shared_bytes(self) -> int:
        """Of /dev/shm."""

    @property
    def processes(self) -> int:
        """Processes and threads at once."""


@dataclass(frozen=True)
class Limits:
    """Limits without pydantic, for the student's side."""

    memory_bytes: int = 2 << 30
    work_bytes: int = 256 << 20
    shared_bytes: int = 256 << 20
    processes: int = 128


FILES = 512  # open at once, per process
RESERVED = 4  # address space for each byte of memory
SPARE = 16  # processes that the kernel allows beyond the limit, so that the watch sees it passed


def apply(bounds: Bounds, others: int = 0) -> None:
    """Set the limits of this process, which its children inherit and cannot raise.

    Parameters
    ----------
    bounds : Bounds
    others : int
        Processes of the same user that count along, where it has no user namespace of its own.

    Notes
    -----
    These count per process or per file; `Watch` counts all together. What a process can write to and
    keeps to itself may grow by ``memory_bytes`` beyond what it has already, so that one absurd allocation
    fails at once, as an exception in the cell that asked for it. The address space may grow by more:
    threads reserve much of it that they never use.
    """
    import resource

    with open("/proc/self/statm") as file:
        pages = [int(field) for field in file.read().split()]
    size, data = (pages[i] * resource.getpagesize() for i in (0, 5))
    largest = max(bounds.work_bytes, bounds.shared_bytes)
    for name, value in {
        resource.RLIMIT_NPROC: bounds.processes + SPARE + others,
        resource.RLIMIT_DATA: data + bounds.memory_bytes,
        resource.RLIMIT_AS: size + RESERVED * bounds.memory_bytes,
        resource.RLIMIT_FSIZE: largest,
        resource.RLIMIT_NOFILE: FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 64 << 10,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_RTPRIO: 0,
    }.items():
        hard = resource.getrlimit(name)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (bound, bound))
