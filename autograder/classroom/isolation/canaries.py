"""Start-up attacks: what isolation promises is tried before a submission is run."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from autograder.classroom.isolation import processes
from autograder.classroom.isolation.attacks import ESCAPED, SECRET
from autograder.classroom.isolation.launch import IsolationError, Warmed, launch
from autograder.classroom.isolation.layers import ALL, Layer
from autograder.classroom.isolation.limits import Limits
from autograder.classroom.isolation.readable import HOME
from autograder.classroom.isolation.watch import Watch

#: Small, so that passing them is quick and does no harm.
LIMITS = Limits(memory_bytes=64 << 20, work_bytes=4 << 20, shared_bytes=4 << 20, processes=24)
SECONDS = 20.0  # for everything, on a machine that has much else to do
LOOKING_SECONDS = 0.005
OVERRUN_SECONDS = 2.0  # until the watch has to see what is over the limit
PASSED_ON = {"PATH", "HOME", "PWD", "TMPDIR", "LANG", "LANGUAGE", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}

#: Which layer an error speaks for, in each attack; the first one that holds is named.
_FILES = {
    errno.ENOENT: ["view"],
    errno.EROFS: ["view"],
    errno.EACCES: ["landlock", "uid"],
    errno.EPERM: ["uid"],
}
_SOCKETS = {
    errno.ECONNREFUSED: ["network"],
    errno.ENETUNREACH: ["network"],
    errno.EACCES: ["landlock", "calls"],
}
_OTHERS = {
    errno.ESRCH: ["pid"],
    errno.ENOENT: ["pid"],
    errno.EACCES: ["landlock"],
    errno.EPERM: ["landlock", "calls", "uid"],
}
SPEAKS_FOR: dict[str, dict[int, list[str]]] = {
    "reading a foreign file": _FILES,
    "changing its mode": _FILES,
    "changing its times": _FILES,
    "writing outside": _FILES,
    "TCP": _SOCKETS,
    "UDP": {0: ["network"], errno.EACCES: ["calls"]},
    "an abstract unix socket": _SOCKETS | {errno.EPERM: ["landlock"], errno.EACCES: ["calls"]},
    "a unix socket in a folder": {errno.ENOENT: ["view"], errno.EACCES: ["calls"]},
    "a signal": _OTHERS,
    "tracing": _OTHERS,
    "filling the disk": {
        errno.ENOSPC: ["mount", "view"],
        errno.EFBIG: ["limits"],
        errno.EACCES: ["landlock"],
    },
    "memory out of sight": {errno.EPERM: ["calls"]},
    "a fork bomb": {errno.EAGAIN: ["limits"]},
}


class Finding(NamedTuple):
    """How one attack ended: whether it was stopped, and by which layer or error."""

    name: str
    held: bool
    by: str


@dataclass(frozen=True)
class Findings:
    """How the start-up attacks ended.

    Parameters
    ----------
    layers : tuple of Layer
        What was put on for them.
    attacks : tuple of Finding
    seconds : float
        How long all of it took.
    """

    layers: tuple[Layer, ...]
    attacks: tuple[Finding, ...]
    seconds: float

    @property
    def escaped(self) -> tuple[Finding, ...]:
        """The attacks that got through."""
        return tuple(attack for attack in self.attacks if not attack.held)


def canaries(*, readable: Sequence[Path] = (), layers_wanted: Collection[str] = ALL) -> Findings:
    """Try what isolation promises, in real isolated processes.

    Parameters
    ----------
    readable : sequence of Path
        What students' processes will be able to read besides the usual.
    layers_wanted : collection of str
        Leave layers out for tests only.

    Raises
    ------
    IsolationError
        If the processes could not be started, or did not get to the end of the attacks.
    """
    begun = time.monotonic()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, _targets() as targets:
        facts = targets.facts | {"limits": asdict(LIMITS), "wanted": sorted(layers_wanted)}
        with theirs:
            warmed = launch(
                "autograder.classroom.isolation.attacks",
                [str(theirs.fileno()), json.dumps(facts)],
                sockets=[theirs],
                readable=readable,
                layers_wanted=layers_wanted,
            )
        try:
            layers, attacks = _follow(ours, warmed, begun + SECONDS)
        finally:
            warmed.close()
        attacks = [*(targets.check(attack) for attack in attacks)]
    return Findings(tuple(layers), tuple(attacks), time.monotonic() - begun)


def _follow(connection: socket.socket, warmed: Warmed, deadline: float) -> tuple[list[Layer], list[Finding]]:
    """Hear how the attacks ended, then watch the last two: memory past the limit, and a daemon."""
    layers: list[Layer] = []
    watch = victim = None
    try:
        while True:
            connection.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                message = connection.recv(1 << 20)
            except TimeoutError:
                message = b""
            if not message:
                raise IsolationError(
                    f"The start-up attacks did not get to their end. {warmed.complaint()}".strip()
                )
            heard = json.loads(message)
            layers = [Layer(*layer) for layer in heard.get("layers", [])] or layers
            if "victim" in heard:
                victim = Watch(heard["victim"], LIMITS)
                connection.send(json.dumps({"pid": heard["victim"]}).encode())
            if "attacker" in heard:
                watch = Watch(heard["attacker"], LIMITS)
            if "results" in heard and watch:
                findings = [_judge(name, result, layers) for name, result in heard["results"].items()]
                return layers, findings + _overrun(connection, watch)
    finally:
        for one in (watch, victim):
            if one:
                one.kill()
                one.close()


def _overrun(connection: socket.socket, watch: Watch) -> list[Finding]:
    deadline = time.monotonic() + OVERRUN_SECONDS
    while (over := watch.over()) is None and time.monotonic() < deadline:
        time.sleep(LOOKING_SECONDS)
    memory = Finding("memory past the limit", over == "memory", "watch" if over else "not seen")
    gone = watch.kill()
    # The attacker's processes all have its connection: when the last one is gone it ends. The warmed
    # process has given it away.
    connection.settimeout(OVERRUN_SECONDS)
    try:
        ended = connection.recv(1) == b""
    except TimeoutError:
        ended = False
    daemon = Finding("a daemon", gone and ended, "the kill" if gone and ended else "it outlived the kill")
    return [memory, daemon]


def _judge(name: str, result: Any, layers: Sequence[Layer]) -> Finding:
    if result == ESCAPED:
        return Finding(name, False, "nothing stopped it")
    if isinstance(result, str):
        return Finding(name, True, result)
    held = {layer.name for layer in layers if layer.held}
    named = [layer for layer in SPEAKS_FOR.get(name, {}).get(result or 0, []) if layer in held]
    return Finding(name, True, named[0] if named else os.strerror(result) if result else "nothing was there")


class _Targets:
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
                *(str(HOME / name) for name in ("solutions", "autograder/exercises")),
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

    def check(self, found: Finding) -> Finding:
        """Look from outside, where nobody can lie about it."""
        escaped = {
            "changing its mode": lambda: self._state()[0] != self.before[0],
            "changing its times": lambda: self._state()[1] != self.before[1],
            "writing outside": (self.folder / "open" / "written").exists,
            "TCP": lambda: _reached(self.tcp),
            "UDP": lambda: _reached(self.udp),
            "an abstract unix socket": lambda: _reached(self.abstract),
            "a unix socket in a folder": lambda: _reached(self.unix),
        }.get(found.name, bool)()
        return Finding(found.name, False, "seen from outside") if escaped else found


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
def _targets() -> Iterator[_Targets]:
    with contextlib.ExitStack() as exits:
        folder = exits.enter_context(tempfile.TemporaryDirectory(prefix="canary-"))
        yield _Targets(Path(folder), exits)


def describe(findings: Findings) -> str:
    """One line: how many attacks were stopped by what, and those that were not."""
    by: dict[str, list[str]] = {}
    for attack in findings.attacks:
        if attack.held:
            by.setdefault(attack.by, []).append(attack.name)
    stopped = "; ".join(f"{layer}: {', '.join(names)}" for layer, names in by.items())
    lost = ", ".join(f"{attack.name} ({attack.by})" for attack in findings.escaped)
    total = len(findings.attacks)
    line = f"{total - len(findings.escaped)} of {total} start-up attacks were stopped ({stopped})"
    return line + (f"; GOT THROUGH: {lost}" if lost else "")
