"""Watching a student's processes from outside: what they use all together, and their end."""

from __future__ import annotations

import os
import select
import signal
import time
from dataclasses import dataclass

from autograder.classroom.isolation import processes
from autograder.classroom.isolation.limits import Bounds
from autograder.classroom.isolation.memory import Memory

ENDING_SECONDS = 5.0


@dataclass(frozen=True)
class Usage:
    """What all processes together use.

    Parameters
    ----------
    cpu_seconds : float
        Since the beginning, of processes that have ended as well.
    memory_bytes : int
        At most; exact where it is near the limit.
    processes : int
        With their threads.
    file_bytes : int
        Of the memory, what lies in the folders that can be written to.
    """

    cpu_seconds: float
    memory_bytes: int
    processes: int
    file_bytes: int


class Watch:
    """Watches the process that `enter` announced, and all below it.

    Parameters
    ----------
    pid : int
        The first process, as seen from here.
    bounds : Bounds

    Attributes
    ----------
    pid : int
    """

    def __init__(self, pid: int, bounds: Bounds) -> None:
        self.pid = pid
        self._bounds = bounds
        self._fd = os.pidfd_open(pid)
        self._own_pids = processes.is_first(pid)
        self._memory = Memory(pid, bounds.memory_bytes)
        self._cpu = 0.0
        self._last: dict[processes.Identity, float] = {}
        self._gone = 0.0

    def usage(self) -> Usage:
        """What they use now."""
        found = processes.tree(self.pid)
        students = [one for one in found if one.pid != self.pid]
        memory, threads = self._memory.count(students), sum(one.threads for one in students)
        return Usage(self._count_cpu(found), memory, threads, self._memory.files.bytes())

    def cpu_seconds(self) -> float:
        """CPU time alone, which is quicker told."""
        return self._count_cpu(processes.tree(self.pid))

    def busy(self) -> bool:
        """Whether any of them computes, or waits for a processor or a disk: not whether it sleeps."""
        return any(one.busy for one in processes.tree(self.pid))

    def running(self) -> int:
        """How many processes and threads there are now, which is quicker told."""
        return sum(one.threads for one in processes.tree(self.pid) if one.pid != self.pid)

    def over(self) -> str | None:
        """Which limit they have passed together: ``"memory"``, ``"processes"``, or none."""
        usage = self.usage()
        if usage.processes > self._bounds.processes:
            return "processes"
        most_files = self._bounds.work_bytes + self._bounds.shared_bytes  # they bind themselves in memory
        if usage.memory_bytes > self._bounds.memory_bytes or usage.file_bytes > most_files:
            return "memory"
        return None

    def interrupt(self) -> bool:
        """Send Ctrl-C to the student's process, the eldest below the first; whether there is one."""
        below = processes.children(self.pid)
        return bool(below) and processes.signal_if_same(
            min(below, key=lambda one: one.started).identity, signal.SIGINT
        )

    def kill(self, wait_seconds: float = ENDING_SECONDS) -> bool:
        """End them all, and tell whether they were gone within the time."""
        deadline = time.monotonic() + wait_seconds
        if self._own_pids:
            self._signal()
            return self._ended(deadline)
        known = set(self._last)
        while time.monotonic() < deadline:
            # Stopped first: what has not been found yet is being started by one that has.
            found = {one.identity for one in processes.tree(self.pid) if one.pid != self.pid} | known
            alive = [identity for identity in found if processes.signal_if_same(identity, signal.SIGSTOP)]
            known = set(alive)
            again = {one.identity for one in processes.tree(self.pid) if one.pid != self.pid}
            if again - found:
                continue
            for identity in alive:
                processes.signal_if_same(identity, signal.SIGKILL)
            known = {identity for identity in known if processes.alive(identity)}
            if not known and not again:
                self._signal()
                return self._ended(deadline)
            time.sleep(0.002)
        self._signal()
        return False

    def close(self) -> None:
        """Forget about them."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._memory.files.close()

    def _signal(self) -> None:
        try:
            signal.pidfd_send_signal(self._fd, signal.SIGKILL)
        except ProcessLookupError:
            return  # it has ended already

    def _ended(self, deadline: float) -> bool:
        waiting = select.poll()
        waiting.register(self._fd, select.POLLIN)
        return bool(waiting.poll(max(0.0, deadline - time.monotonic()) * 1000))

    def _count_cpu(self, found: list[processes.Process]) -> float:
        """CPU seconds: never less than what has been seen.

        A process that ended counts in the one that waited for it. Whoever ignores the ends of its children
        lets their time disappear: what was seen of each is kept, and the larger of both sums counts.
        """
        now = {one.identity: one.own_seconds for one in found}
        self._gone += sum(seconds for identity, seconds in self._last.items() if identity not in now)
        self._last = now
        waited = sum(one.own_seconds + one.waited_seconds for one in found)
        seen = sum(now.values()) + self._gone
        self._cpu = max(self._cpu, waited, seen)
        return self._cpu
