"""What the start-up attacks try, in a real student's process. Each is small and stops by itself."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from autograder.classroom.isolation.canaries import ESCAPED, LEFT
from autograder.classroom.isolation.processes import read
from autograder.classroom.isolation.targets import SECRET

Facts = dict[str, Any]
FILLERS = ("filler1", "filler2", "filler3")
SLEEP_SECONDS = 3.0  # how long anything that an attack leaves behind lives at most
CHUNK = 1 << 20


# Each attack returns ESCAPED, or None if it found nothing to do harm to; an error tells what stopped it.


def _read_foreign(facts: Facts) -> str | None:
    for path in facts["files"]:
        with contextlib.suppress(OSError), open(path, "rb") as file:
            file.read(1)
            return ESCAPED
        with contextlib.suppress(OSError):
            os.listdir(path)
            return ESCAPED
    open(facts["files"][0], "rb").close()
    return ESCAPED


def _change_mode(facts: Facts) -> str:
    os.chmod(facts["files"][0], 0o777)
    return ESCAPED


def _change_times(facts: Facts) -> str:
    os.utime(facts["files"][0], (1, 1))
    return ESCAPED


def _write_outside(facts: Facts) -> str:
    with open(os.path.join(facts["folder"], "written"), "w") as file:
        file.write("by an attacker")
    return ESCAPED


def _descriptors(facts: Facts) -> str | None:
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.pread(int(name), len(SECRET), 0) == SECRET:
                return ESCAPED
    return None


def _environment(facts: Facts) -> str | None:
    return ESCAPED if set(facts["variables"]) & set(os.environ) else None


def _tcp(facts: Facts) -> str:
    with socket.create_connection(("127.0.0.1", facts["tcp"]), timeout=0.2):
        return ESCAPED


def _udp(facts: Facts) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(SECRET, ("127.0.0.1", facts["udp"]))
    return None  # whether it arrived, only the receiver knows


def _unix(address: str) -> str:
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(0.2)
        one.connect(address)
        return ESCAPED


def _signal(facts: Facts) -> str | None:
    stopped: OSError | None = None
    for pid, started in facts["targets"].values():
        try:
            if _same(pid, started):
                os.kill(pid, 0)
                return ESCAPED
        except OSError as error:
            stopped = error
    if os.readlink("/proc/self/ns/pid") != facts["pids"]:
        os.kill(1, signal.SIGKILL)  # the first process of this namespace, with which all would end
    if stopped:
        raise stopped
    return None


def _trace(facts: Facts) -> str | None:
    libc = ctypes.CDLL(None, use_errno=True)
    stopped: OSError | None = None
    for pid, started in [*facts["targets"].values(), [os.getppid(), None]]:
        try:
            if not _same(pid, started):
                continue
            for name in ("mem", "environ"):
                with contextlib.suppress(PermissionError), open(f"/proc/{pid}/{name}", "rb"):
                    return ESCAPED
            if libc.ptrace(16, pid, 0, 0) == 0:  # PTRACE_ATTACH
                libc.ptrace(17, pid, 0, 0)
                return ESCAPED
            raise OSError(ctypes.get_errno(), "ptrace")
        except OSError as error:
            stopped = error
    if stopped:
        raise stopped
    return None


def _same(pid: int, started: int | None) -> bool:
    """Whether this number means that very process here: in a PID namespace of its own it does not."""
    if started is None:
        return True
    process = read(pid)
    if process is None:
        os.kill(pid, 0)  # it may be there and not be seen
        return True
    if process.started != started:
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
    return True


def _fill_files(facts: Facts) -> str | None:
    """Fill both folders; what is not stopped stays until the watch has had time to see it."""
    limits = facts["limits"]
    stopped: OSError | None = None
    for folder, size in ((".", limits["work_bytes"]), ("/dev/shm", limits["shared_bytes"])):
        try:
            for name in FILLERS:  # each below the limit of one file, all together above both of them
                with open(os.path.join(folder, name), "wb", buffering=0) as file:
                    if file.write(bytes(size)) < size:
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return LEFT
        except OSError as error:
            stopped = error
            clear(folder)
    if stopped:
        raise stopped
    return None


def clear(folder: str) -> None:
    """Remove what filled the disk."""
    for name in FILLERS:
        with contextlib.suppress(OSError):
            os.remove(os.path.join(folder, name))


def _hide_memory(facts: Facts) -> str:
    os.close(os.memfd_create("hidden"))
    return ESCAPED


def _bomb(facts: Facts) -> str | None:
    children: list[int] = []
    try:
        for _ in range(3 * facts["limits"]["processes"]):
            pid = os.fork()
            if pid == 0:
                time.sleep(SLEEP_SECONDS)
                os._exit(0)
            children.append(pid)
        return ESCAPED
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


ATTACKS: dict[str, Callable[[Facts], str | None]] = {
    "reading a foreign file": _read_foreign,
    "changing its mode": _change_mode,
    "changing its times": _change_times,
    "writing outside": _write_outside,
    "inheriting a descriptor": _descriptors,
    "inheriting a variable": _environment,
    "TCP": _tcp,
    "UDP": _udp,
    "an abstract unix socket": lambda facts: _unix("\0" + facts["abstract"]),
    "a unix socket in a folder": lambda facts: _unix(facts["socket"]),
    "a signal": _signal,
    "tracing": _trace,
    "filling the disk": _fill_files,
    "memory out of sight": _hide_memory,
    "a fork bomb": _bomb,
}
