"""Waiting for a student's process, which is looked at meanwhile, and stopped when it takes too much."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.classroom.frames import Channel, Closed, FrameError
from autograder.classroom.isolation import Watch
from autograder.classroom.outcome import ProblemKind
from autograder.classroom.task import Limits

GRACE_CPU, GRACE_WALL = 2.0, 10.0  # seconds in which an interrupted cell may still end by itself


class Stopped(Exception):
    """The student's process was stopped, or ended by itself; the text says why, as a part of a sentence."""

    def __init__(self, kind: ProblemKind, text: str, *, waited: bool = False) -> None:
        super().__init__(text)
        self.kind: ProblemKind = kind
        self.text = text
        # The wall clock ran out while it had something to do: on a quieter machine it might not have.
        self.waited = waited


def broke(error: FrameError) -> Stopped:
    """The end of a process that did not send what it should."""
    return Stopped("protocol", f"its process sent {error}")


@dataclass
class Allowance:
    """What may be used until an answer comes, counted from `started`."""

    cpu: float
    wall: float
    started: float = field(default_factory=time.monotonic)
    cpu_before: float | None = None  # looked up when the first tick passes: most things end before


class Waiting:
    """Talks to a notebook's processes within limits.

    Parameters
    ----------
    limits : Limits
        Of a cell.

    Attributes
    ----------
    watch : Watch or None
        None until it is known which process is the first one.
    interrupted : Stopped or None
        Why the present cell was interrupted, if it was.
    known_cpu : float
        CPU time of all of them when last looked at, which is cheaper than looking.
    """

    def __init__(self, limits: Limits) -> None:
        self.watch: Watch | None = None
        self.interrupted: Stopped | None = None
        self.known_cpu = 0.0
        self._limits = limits
        self._allowance: Allowance | None = None
        self._may_interrupt = False

    def close(self) -> None:
        """Kill them all."""
        if self.watch is not None:
            self.watch.kill(0.0)  # there is nothing to wait for: with their first process they all end
            self.watch.close()

    def cpu_seconds(self) -> float:
        """CPU time of all of them so far."""
        self.known_cpu = self.watch.cpu_seconds() if self.watch else 0.0
        return self.known_cpu

    @contextmanager
    def cell(self) -> Iterator[None]:
        """A cell runs in the block: it is interrupted at its limit, and may end by itself then."""
        self.interrupted, self._may_interrupt = None, True
        try:
            with self.within(cpu=self._limits.cell_seconds, wall=self._limits.wall_seconds):
                yield
        finally:
            self._may_interrupt = False

    @contextmanager
    def within(self, *, cpu: float, wall: float) -> Iterator[None]:
        """Limit what they may use until the block ends."""
        before, self._allowance = self._allowance, Allowance(cpu, wall)
        try:
            yield
        finally:
            self._allowance = before

    def send(self, channel: Channel, header: Any, arrays: Mapping[str, np.ndarray] | None = None) -> None:
        """Send a frame.

        Raises
        ------
        Stopped
        """
        try:
            channel.send(header, arrays)
        except FrameError as error:
            raise self._gone() if isinstance(error, Closed) else broke(error) from None

    def receive(self, channel: Channel) -> tuple[Any, dict[str, np.ndarray]]:
        """Wait for a frame.

        Raises
        ------
        Stopped
        """
        try:
            return channel.receive()
        except FrameError as error:
            raise self._gone() if isinstance(error, Closed) else broke(error) from None

    def tick(self) -> None:
        """Look at what they take; a channel calls this while it waits.

        Raises
        ------
        Stopped
            If it is too much.
        """
        allowed, watch = self._allowance, self.watch
        if allowed is None or watch is None:
            if allowed is not None and time.monotonic() - allowed.started > allowed.wall:
                raise Stopped("grader_failed", "the warmed process did not start a notebook in time")
            return
        self.look()
        cpu, now = self.cpu_seconds(), time.monotonic()
        if allowed.cpu_before is None:
            allowed.cpu_before = cpu
        spent, waited = cpu - allowed.cpu_before, now - allowed.started
        if spent <= allowed.cpu and waited <= allowed.wall:
            return
        kept_waiting = spent <= allowed.cpu and watch.busy()
        stop = Stopped("timed_out", _took(spent, waited, allowed), waited=kept_waiting)
        if not self._may_interrupt:
            raise stop
        if self.interrupted is None:
            self.interrupted = stop
            if not watch.interrupt():
                watch.kill()
            self._allowance = Allowance(
                spent + GRACE_CPU, waited + GRACE_WALL, allowed.started, allowed.cpu_before
            )
            return
        watch.kill()
        text = f"{self.interrupted.text}, and did not stop when it was interrupted"
        raise Stopped("timed_out", text, waited=self.interrupted.waited)

    def look(self) -> None:
        """Kill them if they have more memory or processes than a notebook may.

        Raises
        ------
        Stopped
        """
        over = self.watch.over() if self.watch else None
        if self.watch and over:
            self.watch.kill()
            raise Stopped("memory" if over == "memory" else "processes", _TOO_MUCH[over])

    def _gone(self) -> Stopped:
        over = self.watch.over() if self.watch else None
        return Stopped("memory" if over == "memory" else "crashed", "its process ended")


_TOO_MUCH = {
    "memory": "it took more memory than a notebook may have",
    "processes": "it started more processes than a notebook may have",
}


def _took(cpu: float, wall: float, allowed: Allowance) -> str:
    if cpu > allowed.cpu:
        return f"it ran for {cpu:.0f} seconds of CPU time, where {allowed.cpu:g} are allowed"
    return f"it had not ended after {wall:.0f} seconds, of which it computed for {cpu:.1f}"
