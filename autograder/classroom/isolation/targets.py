"""What the start-up attacks aim at: a file, sockets and a process outside of isolation."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.classroom.isolation import processes
from autograder.classroom.isolation.readable import HOME

SECRET = b"canary"  # what may not be seen
#: Variables that an isolated process has, whether or not this one has them.
PASSED_ON = {"PATH", "HOME", "PWD", "TMPDIR", "LANG", "LANGUAGE", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
PASSED_ON |= {"OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}
PASSED_ON |= {"MPLBACKEND", "CUDA_VISIBLE_DEVICES"}


#: Of ours, what a student may not read.
CLOSED = ("solutions", "autograder/judge.py", "autograder/exercises/registry.py")


class Targets:
    """What the attacks aim at, outside: a file, sockets, this process."""

    def __init__(self, folder: Path, exits: contextlib.ExitStack) -> None:
        self.folder = folder
        self.secret = folder / "secret"
        self.secret.write_bytes(SECRET)
        # Open to all, so that not its mode protects it.
        folder.chmod(0o755)
        self.secret.chmod(0o644)
        (folder / "open").mkdir()
        (folder / "open").chmod(0o777)
        self.tcp = exits.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.udp = exits.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.udp.bind(("127.0.0.1", 0))
        self.abstract = exits.enter_context(socket.socket(socket.AF_UNIX))
        name = f"canary-{os.urandom(8).hex()}"
        self.abstract.bind("\0" + name)
        self.unix = exits.enter_context(socket.socket(socket.AF_UNIX))
        self.unix.bind(str(folder / "open" / "socket"))
        (folder / "open" / "socket").chmod(0o777)
        for listening in (self.abstract, self.unix):
            listening.listen()
        for one in (self.tcp, self.udp, self.abstract, self.unix):
            one.setblocking(False)
        inheritable = os.open(self.secret, os.O_RDONLY)
        exits.callback(os.close, inheritable)
        os.set_inheritable(inheritable, True)
        this = processes.read(os.getpid())
        self.before = self._state()
        self.facts: dict[str, Any] = {
            "files": [
                str(self.secret),
                *(str(HOME / name) for name in CLOSED),
            ],
            "folder": str(folder / "open"),
            "tcp": self.tcp.getsockname()[1],
            "udp": self.udp.getsockname()[1],
            "abstract": name,
            "socket": str(folder / "open" / "socket"),
            "targets": {"the grader": [os.getpid(), this.started if this else 0]},
            "pids": os.readlink("/proc/self/ns/pid"),
            "variables": sorted(n for n in os.environ if n not in PASSED_ON and not n.startswith("LC_")),
        }

    def _state(self) -> tuple[int, int]:
        state = self.secret.stat()
        return state.st_mode, state.st_mtime_ns

    def hit(self, name: str) -> bool:
        """Look from outside, where nobody can lie about it, whether the attack of that name got through."""
        return {
            "changing its mode": lambda: self._state()[0] != self.before[0],
            "changing its times": lambda: self._state()[1] != self.before[1],
            "writing outside": (self.folder / "open" / "written").exists,
            "TCP": lambda: _reached(self.tcp),
            "UDP": lambda: _reached(self.udp),
            "an abstract unix socket": lambda: _reached(self.abstract),
            "a unix socket in a folder": lambda: _reached(self.unix),
        }.get(name, bool)()


def _reached(listening: socket.socket) -> bool:
    try:
        if listening.type == socket.SOCK_DGRAM:
            listening.recv(16)
        else:
            listening.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def targets() -> Iterator[Targets]:
    """Lay out the targets until the block ends."""
    with contextlib.ExitStack() as exits:
        folder = exits.enter_context(tempfile.TemporaryDirectory(prefix="canary-"))
        yield Targets(Path(folder), exits)
