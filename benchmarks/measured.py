"""A command as its own process: wall time, CPU time of all that it starts, and memory."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

EVERY = 0.2  # seconds between two looks at its processes


@dataclass(frozen=True)
class Measured:
    """What a command took.

    Attributes
    ----------
    wall, cpu : float
        Seconds. CPU time is that of every process seen, as of the last look at it.
    memory : int
        The most bytes of all its processes at one look, shared pages counted once (proportional set size).
    processes : int
        How many processes there were at that look.
    code : int
        Its exit status.
    said : str
        The end of what it printed.
    """

    wall: float
    cpu: float
    memory: int
    processes: int
    code: int
    said: str


def measure(command: Sequence[str], root: Path, environment: Mapping[str, str]) -> Measured:
    """Run a command in a folder, from its start-up to its end."""
    log = root / "log.txt"
    started = time.perf_counter()
    memory = processes = 0
    seconds: dict[int, float] = {}
    with log.open("wb") as file:
        process = psutil.Popen(
            command,
            cwd=root,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        while True:
            try:
                code = process.wait(timeout=EVERY)
                break
            except psutil.TimeoutExpired:
                held, count = _look(process, seconds)
                if held > memory:
                    memory, processes = held, count
    wall = time.perf_counter() - started
    said = log.read_bytes()[-4000:].decode(errors="replace")
    return Measured(wall, sum(seconds.values()), memory, processes, code, said)


def _look(process: psutil.Process, seconds: dict[int, float]) -> tuple[int, int]:
    """Bytes of a process and of all below it, and how many these are; their CPU seconds go into `seconds`."""
    held = count = 0
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0, 0
    for member in family:
        try:
            times, full = member.cpu_times(), member.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue  # it ended while we looked, or is of another account
        seconds[member.pid] = times.user + times.system
        held, count = held + getattr(full, "pss", full.uss), count + 1
    return held, count


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
