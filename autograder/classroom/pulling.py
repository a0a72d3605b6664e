"""The grader's end of one notebook: it tells the student's process what to do, and takes nothing on trust."""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from autograder.case import Case
from autograder.classroom.frames import Channel, Closed, FrameError, FrameLimits
from autograder.classroom.implementations import LIMITS as CALL_LIMITS
from autograder.classroom.implementations import Implementations, OutOfBudget
from autograder.classroom.isolation import Watch
from autograder.classroom.observing import observation
from autograder.classroom.outcome import ProblemKind
from autograder.classroom.task import Limits
from autograder.observation import Observation
from autograder.observers import Observer, to_json

GRACE_CPU, GRACE_WALL = 2.0, 10.0  # seconds in which an interrupted cell may still end by itself
PATIENCE = 2.0  # wall seconds per CPU second for one observation: a busy machine is nobody's fault
MOST_HUNG = 3  # frozen answers of a notebook that are waited for in vain, before it is given up
START_SECONDS = 180.0  # the warmed process may still be importing
SOON = 0.02  # seconds in which a cell cannot have started many processes
CROWDED = 0.75  # of the processes that are allowed: an answer could not be frozen any more


class Stopped(Exception):
    """The student's process was stopped, or ended by itself; the text says why, as a part of a sentence."""

    def __init__(self, kind: ProblemKind, text: str, *, waited: bool = False) -> None:
        super().__init__(text)
        self.kind: ProblemKind = kind
        self.text = text
        # The wall clock ran out while it had something to do: on a quieter machine it might not have.
        self.waited = waited


@dataclass
class Shown:
    """What a cell left: untrusted outputs, also of earlier cells that it changed, and what is to be said."""

    outputs: object
    earlier: object = None
    cut: bool = False
    wants_kernel: str | None = None
    interrupted: Stopped | None = None


@dataclass
class Allowance:
    """What may be used until an answer comes, counted from `start`."""

    cpu: float
    wall: float
    started: float = field(default_factory=time.monotonic)
    cpu_before: float | None = None  # looked up when the first tick passes: most things end before


Judge = Callable[[str, Callable[[Observer, Case], Observation]], Mapping[str, Any]]


class Room:
    """One notebook in a process of its own.

    Parameters
    ----------
    warmed : socket
        The connection to the warmed process.
    limits : Limits
    slots : int
        How many answers will be frozen.
    kernel : bool
        Whether the cells need a real kernel.
    """

    def __init__(self, warmed: socket.socket, limits: Limits, slots: int, *, kernel: bool = False) -> None:
        self.limits = limits
        self._watch: Watch | None = None
        self._allowance: Allowance | None = None
        self._interrupted: Stopped | None = None
        self._may_interrupt = False
        self.starved = False
        self._hung = 0
        self.stops: list[Stopped] = []  # of frozen answers, which cost nothing but themselves
        self.known_cpu = 0.0  # when last looked at, which is cheaper than looking
        pairs = [socket.socketpair() for _ in range(slots + 1)]
        frame = FrameLimits(header_bytes=4 * limits.output_bytes + (1 << 20))
        try:
            order = json.dumps({"limits": asdict(limits), "kernel": kernel}).encode()
            socket.send_fds(warmed, [order], [theirs.fileno() for _, theirs in pairs])
        except OSError as error:
            raise Stopped("grader_failed", f"the warmed process is gone ({error.strerror})") from None
        finally:
            for _, theirs in pairs:
                theirs.close()
        self._channel = Channel(pairs[0][0], frame, self._tick)
        self._frozen = [Channel(ours, FrameLimits(), self._tick) for ours, _ in pairs[1:]]
        self._usable = [False] * slots
        try:
            with self._within(cpu=START_SECONDS, wall=START_SECONDS):
                header, _ = self._receive(self._channel)  # both are said before any code of a student runs
                self._watch = Watch(int(header["pid"]), limits)
                self.layers = self._receive(self._channel)[0]["layers"]
        except Stopped as stop:
            self.close()
            raise Stopped("grader_failed", f"a notebook's process did not start: {stop.text}") from None

    def __enter__(self) -> Room:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill everything that the notebook started."""
        if self._watch is not None:
            self._watch.kill(0.0)  # there is nothing to wait for: with their first process they all end
            self._watch.close()
        for channel in (self._channel, *self._frozen):
            channel.close()

    def cpu_seconds(self) -> float:
        """CPU time of everything in the room so far."""
        self.known_cpu = self._watch.cpu_seconds() if self._watch else 0.0
        return self.known_cpu

    def start(self, files: Mapping[str, bytes], public: Mapping[str, Any]) -> None:
        """Lay out the files beside the notebook, and say what everybody may know."""
        arrays = {name: np.frombuffer(content, np.uint8) for name, content in files.items()}
        with self._within(cpu=START_SECONDS, wall=START_SECONDS):
            self._send(
                self._channel,
                {"do": "start", "public": public, "output_bytes": self.limits.output_bytes},
                arrays,
            )
            self._receive(self._channel)

    def run(self, source: str, number: int, asked: str | None, judge: Judge | None = None) -> Shown:
        """Run a cell; `judge` answers checks that it makes outside its place.

        Raises
        ------
        Stopped
            If the process had to be ended, or ended itself.
        """
        self._interrupted, self._may_interrupt = None, True
        began = time.monotonic()
        try:
            with self._within(cpu=self.limits.cell_seconds, wall=self.limits.wall_seconds):
                self._send(self._channel, {"do": "run", "source": source, "number": number, "asked": asked})
                while True:
                    header, _ = self._receive(self._channel)
                    if not (judge and isinstance(header, dict) and isinstance(header.get("ask"), str)):
                        break
                    verdict = judge(header["ask"], self._observe_here)
                    self._send(self._channel, {"verdict": verdict})
        finally:
            self._may_interrupt = False
        if not isinstance(header, dict) or "outputs" not in header:
            raise Stopped("protocol", "its process sent something that is not a cell's outputs")
        some_time = time.monotonic() - began > SOON
        if some_time and self._watch and self._watch.running() > CROWDED * self.limits.processes:
            raise Stopped("processes", "it left more processes behind than a notebook may have")
        wants = header.get("wants_kernel")
        return Shown(
            header["outputs"],
            header.get("earlier"),
            bool(header.get("cut")),
            wants if isinstance(wants, str) else None,
            self._interrupted,
        )

    def freeze(self, slot: int, variable: str) -> None:
        """Fork the process of an answer, which waits there for `observe`."""
        nonce = secrets.token_hex(16)
        with self._within(cpu=START_SECONDS, wall=START_SECONDS):
            self._send(self._channel, {"do": "freeze", "slot": slot, "variable": variable, "nonce": nonce})
            header, _ = self._receive(self._channel)
        if header != {"frozen": nonce}:
            raise Stopped("protocol", "its process did not freeze the answer that it was asked for")
        self._usable[slot] = True

    def observe(
        self, slot: int, observer: Observer, case: Case, implementations: Implementations | None
    ) -> Observation | dict[str, Any]:
        """Run a frozen answer on a case: the observation, or what stands in the answer's place."""
        if not self._usable[slot] or self._hung >= MOST_HUNG:
            return Observation(error=_ended("its process had ended before"))
        try:
            return self._observe(self._frozen[slot], observer, case, implementations)
        except Stopped as stop:
            self._usable[slot] = False
            self.stops.append(stop)
            if stop.kind != "timed_out":
                return Observation(error=_ended(stop.text))
            self._hung += 1
            self.starved = self.starved or stop.waited
            return Observation(error={"kind": "slow", "limit": float(observer.seconds or 0.0)})

    def _observe_here(self, observer: Observer, case: Case) -> Observation:
        seen = self._observe(self._channel, observer, case, None)
        return seen if isinstance(seen, Observation) else Observation(error=_ended("it is no function"))

    def _observe(
        self, channel: Channel, observer: Observer, case: Case, implementations: Implementations | None
    ) -> Observation | dict[str, Any]:
        nonce = secrets.token_hex(16)
        described, arrays = case.to_wire()
        request = {
            "nonce": nonce,
            "observer": to_json(observer),
            "case": described,
        }
        seconds = (observer.seconds or 5.0) + 3.0
        with self._within(cpu=seconds, wall=PATIENCE * seconds):
            self._send(channel, request, arrays)
            while True:
                header, results = self._receive(channel)
                if implementations is None or not isinstance(header, dict) or "call" not in header:
                    break
                self._send(channel, *_called(implementations, header["call"], results))
        if not isinstance(header, dict) or header.get("nonce") != nonce:
            raise Stopped("protocol", "its process sent an answer to something that it was not asked")
        if header.get("missing") is True or isinstance(header.get("not_callable"), str):
            return header
        try:
            return observation(header.get("seen"), results)
        except FrameError as error:
            raise _protocol(error) from None

    # Waiting

    def _send(self, channel: Channel, header: Any, arrays: Mapping[str, np.ndarray] | None = None) -> None:
        try:
            channel.send(header, arrays)
        except FrameError as error:
            raise self._gone() if isinstance(error, Closed) else _protocol(error) from None

    def _receive(self, channel: Channel) -> tuple[Any, dict[str, np.ndarray]]:
        try:
            return channel.receive()
        except FrameError as error:
            raise self._gone() if isinstance(error, Closed) else _protocol(error) from None

    def _gone(self) -> Stopped:
        over = self._watch.over() if self._watch else None
        return Stopped("memory" if over == "memory" else "crashed", "its process ended")

    def _within(self, *, cpu: float, wall: float) -> _Within:
        return _Within(self, Allowance(cpu, wall))

    def _tick(self) -> None:
        """Look at what the notebook takes while it is waited for."""
        allowed, watch = self._allowance, self._watch
        if allowed is None or watch is None:
            if allowed is not None and time.monotonic() - allowed.started > allowed.wall:
                raise Stopped("grader_failed", "the warmed process did not start a notebook in time")
            return
        over = watch.over()
        if over:
            watch.kill()
            raise Stopped("memory" if over == "memory" else "processes", _TOO_MUCH[over])
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
        if self._interrupted is None:
            self._interrupted = stop
            if not watch.interrupt():
                watch.kill()
            self._allowance = Allowance(
                spent + GRACE_CPU, waited + GRACE_WALL, allowed.started, allowed.cpu_before
            )
            return
        watch.kill()
        text = f"{self._interrupted.text}, and did not stop when it was interrupted"
        raise Stopped("timed_out", text, waited=self._interrupted.waited)


class _Within:
    """Limits what the student's process may use until the block ends."""

    def __init__(self, room: Room, allowance: Allowance) -> None:
        self._room, self._allowance = room, allowance

    def __enter__(self) -> None:
        self._before = self._room._allowance
        self._room._allowance = self._allowance

    def __exit__(self, *exception: object) -> None:
        self._room._allowance = self._before


_TOO_MUCH = {
    "memory": "it took more memory than a notebook may have",
    "processes": "it started more processes than a notebook may have",
}


def _took(cpu: float, wall: float, allowed: Allowance) -> str:
    if cpu > allowed.cpu:
        return f"it ran for {cpu:.0f} seconds of CPU time, where {allowed.cpu:g} are allowed"
    return f"it had not ended after {wall:.0f} seconds, of which it computed for {cpu:.1f}"


def _protocol(error: FrameError) -> Stopped:
    return Stopped("protocol", f"its process sent {error}")


def _ended(text: str) -> dict[str, Any]:
    return {"kind": "raised", "type": "Stopped", "message": text, "line": None}


def _called(
    implementations: Implementations, call: object, arrays: dict[str, np.ndarray]
) -> tuple[Any, dict[str, np.ndarray]]:
    """Pass a test's call on to the implementation, if it has the form of one."""
    plain, names, positional = (
        (call.get(k) for k in ("plain", "names", "positional")) if isinstance(call, dict) else (None,) * 3
    )
    fits = (
        isinstance(plain, list)
        and isinstance(names, list)
        and type(positional) is int
        and all(isinstance(name, str) for name in names)
        and 0 <= positional == len(plain) - len(names) - 1
        and all(isinstance(value, bool | int | float | str) or value is None for value in plain)
        and sum(array.nbytes for array in arrays.values()) <= CALL_LIMITS.array_bytes
    )
    if not fits:
        return {"raised": "TypeError", "message": "an implementation takes arrays and plain numbers"}, {}
    try:
        return implementations.call({"plain": plain, "names": names, "positional": positional}, arrays)
    except OutOfBudget:
        return {"raised": "RuntimeError", "message": "the test has called its implementation too often"}, {}
