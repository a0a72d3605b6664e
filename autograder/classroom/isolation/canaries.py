"""Start-up attacks: what isolation promises is tried before a submission is run."""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from autograder.classroom.isolation.launching import IsolationError, Warmed, launch
from autograder.classroom.isolation.layers import ALL, Layer
from autograder.classroom.isolation.layers import describe as describe_layers
from autograder.classroom.isolation.limits import Limits
from autograder.classroom.isolation.targets import targets
from autograder.classroom.isolation.watch import Watch

ESCAPED, LEFT = "escaped", "left for the watch"  # how an attack may end that no error stopped
#: Small, so that passing them is quick and does no harm.
LIMITS = Limits(memory_bytes=64 << 20, work_bytes=4 << 20, shared_bytes=4 << 20, processes=24)
SECONDS = 20.0  # for everything, on a machine that has much else to do
LOOKING_SECONDS = 0.005
OVERRUN_SECONDS = 2.0  # until the watch has to see what is over the limit

#: Which layer an error speaks for, in each attack; the first one that holds is named.
_FILES = {
    errno.ENOENT: ["view"],
    errno.EROFS: ["view"],
    errno.EACCES: ["landlock", "uid"],
    errno.EPERM: ["uid", "calls"],
}
_SOCKETS = {
    errno.ECONNREFUSED: ["network", "view"],
    errno.ENETUNREACH: ["network", "view"],
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
    with ours, targets() as aims:
        facts = aims.facts | {"limits": asdict(LIMITS), "wanted": sorted(layers_wanted)}
        with theirs:
            warmed = launch(
                "autograder.classroom.isolation.arena",
                [str(theirs.fileno()), json.dumps(facts)],
                sockets=[theirs],
                readable=readable,
                layers_wanted=layers_wanted,
            )
        try:
            layers, attacks = _follow(ours, warmed, begun + SECONDS)
        finally:
            warmed.close()
        attacks = [
            Finding(one.name, False, "seen from outside") if aims.hit(one.name) else one for one in attacks
        ]
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
                if heard["results"]["filling the disk"] == LEFT and _sees_files(watch):
                    heard["results"]["filling the disk"] = "watch"
                connection.send(b"go on")
                findings = [_judge(name, result, layers) for name, result in heard["results"].items()]
                return layers, findings + _overrun(connection, watch)
    finally:
        for one in (watch, victim):
            if one:
                one.kill()
                one.close()


def _sees_files(watch: Watch) -> bool:
    deadline = time.monotonic() + OVERRUN_SECONDS
    while watch.usage().file_bytes <= LIMITS.work_bytes + LIMITS.shared_bytes:
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOKING_SECONDS)
    return True


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
    except ConnectionResetError:
        ended = True
    except TimeoutError:
        ended = False
    daemon = Finding("a daemon", gone and ended, "the kill" if gone and ended else "it outlived the kill")
    return [memory, daemon]


def _judge(name: str, result: Any, layers: Sequence[Layer]) -> Finding:
    if result in (ESCAPED, LEFT):
        return Finding(name, False, "nothing stopped it")
    if isinstance(result, str):
        return Finding(name, True, result)
    held = {layer.name for layer in layers if layer.held}
    named = [layer for layer in SPEAKS_FOR.get(name, {}).get(result or 0, []) if layer in held]
    return Finding(name, True, named[0] if named else os.strerror(result) if result else "nothing was there")


def describe(findings: Findings) -> str:
    """One line: the layers that held, and the attacks that got through."""
    total, lost = len(findings.attacks), findings.escaped
    line = f"{describe_layers(findings.layers)}; {total - len(lost)} of {total} start-up attacks stopped"
    return line + (f"; GOT THROUGH: {', '.join(f'{one.name} ({one.by})' for one in lost)}" if lost else "")
