"""Where start-up attacks take place: a warmed process without anything to warm, a victim, an attacker.

``python -m autograder.classroom.isolation.arena DESCRIPTOR JSON`` forks both, isolated like students.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable

from autograder.classroom.isolation.attacks import ATTACKS, SLEEP_SECONDS, Facts, clear
from autograder.classroom.isolation.entering import enter, prepare
from autograder.classroom.isolation.processes import read

CHUNK = 1 << 20


def main(descriptor: str, text: str) -> None:
    """Fork the victim, then the attacker, and wait."""
    facts: Facts = json.loads(text)
    connection = socket.socket(fileno=int(descriptor))
    prepare()
    victim = _fork(connection, facts, "victim", lambda: time.sleep(SLEEP_SECONDS))
    facts["targets"]["a sibling"] = _who(json.loads(connection.recv(CHUNK))["pid"])
    facts["targets"]["the warmed process"] = _who(os.getpid())
    attacker = _fork(connection, facts, "attacker", lambda: _attack(connection, facts))
    connection.close()
    for pid in (attacker, victim):
        os.waitpid(pid, 0)


def _who(pid: int) -> list[int]:
    process = read(pid)
    return [pid, process.started if process else 0]


def _fork(connection: socket.socket, facts: Facts, role: str, do: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        entered = enter(
            facts["limits"],
            announce=lambda first: connection.send(json.dumps({role: first}).encode()),
            layers_wanted=facts["wanted"],
        )
        if role == "victim":
            connection.send(json.dumps({"layers": entered.layers}).encode())
            connection.close()
        do()
    finally:
        os._exit(0)


def _attack(connection: socket.socket, facts: Facts) -> None:
    results: dict[str, int | str | None] = {}
    for name, attack in ATTACKS.items():
        try:
            results[name] = attack(facts)
        except OSError as error:
            results[name] = error.errno or str(error)
        except (MemoryError, subprocess.SubprocessError) as error:
            results[name] = str(error) or type(error).__name__
    connection.send(json.dumps({"results": results}).encode())
    connection.recv(CHUNK)  # the watch has looked at the files
    for folder in (".", "/dev/shm"):
        clear(folder)
    _leave_daemon()
    _fill_memory(facts)


def _leave_daemon() -> None:
    """A process that no parent or group leads to. It holds the connection, which tells whether it lives."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(SLEEP_SECONDS)
        os._exit(0)


def _fill_memory(facts: Facts) -> None:
    """Two processes, each of which stays within what one may have, and together with the other does not."""
    size = int(0.75 * facts["limits"]["memory_bytes"])
    other = os.fork()
    held: list[bytes] = []
    deadline = time.monotonic() + SLEEP_SECONDS
    with contextlib.suppress(MemoryError):
        while len(held) * CHUNK < size and time.monotonic() < deadline:
            held.append(b"x" * CHUNK)
    time.sleep(max(0.0, deadline - time.monotonic()))
    if other == 0:
        os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:3])
