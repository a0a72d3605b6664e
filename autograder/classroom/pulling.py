"""The grader's end of one notebook: it tells the student's process what to do, and takes nothing on trust."""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from autograder.case import Case
from autograder.classroom.frames import Channel, FrameError, FrameLimits
from autograder.classroom.implementations import Implementations
from autograder.classroom.isolation import Watch
from autograder.classroom.observing import observation
from autograder.classroom.task import Limits
from autograder.classroom.waiting import Stopped, Waiting, broke
from autograder.observation import Observation
from autograder.observers import Observer, to_json

PATIENCE = 2.0  # wall seconds per CPU second for one observation: a busy machine is nobody's fault
MOST_HUNG = 3  # frozen answers of a notebook that are waited for in vain, before it is given up
START_SECONDS = 180.0  # the warmed process may still be importing
SOON = 0.02  # seconds in which nothing can have started many processes
CROWDED = 0.75  # of the processes that are allowed: an answer could not be frozen any more


@dataclass
class Shown:
    """What a cell left: untrusted outputs, also of earlier cells that it changed, and what is to be said."""

    outputs: object
    earlier: object = None
    cut: bool = False
    wants_kernel: str | None = None
    interrupted: Stopped | None = None


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
        self._waiting = Waiting(limits)
        self.starved = False
        self._hung = 0
        self.stops: list[Stopped] = []  # of frozen answers, which cost nothing but themselves
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
        self._channel = Channel(pairs[0][0], frame, self._waiting.tick)
        self._frozen = [Channel(ours, FrameLimits(), self._waiting.tick) for ours, _ in pairs[1:]]
        self._usable = [False] * slots
        try:
            with self._waiting.within(cpu=START_SECONDS, wall=START_SECONDS):
                # Both are said before any code of a student runs.
                header, _ = self._waiting.receive(self._channel)
                self._waiting.watch = Watch(int(header["pid"]), limits)
                self._waiting.receive(self._channel)
        except Stopped as stop:
            self.close()
            raise Stopped("grader_failed", f"a notebook's process did not start: {stop.text}") from None

    def __enter__(self) -> Room:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill everything that the notebook started."""
        self._waiting.close()
        for channel in (self._channel, *self._frozen):
            channel.close()

    def cpu_seconds(self) -> float:
        """CPU time of everything in the room so far."""
        return self._waiting.cpu_seconds()

    @property
    def known_cpu(self) -> float:
        """The same when last looked at, which is cheaper than looking."""
        return self._waiting.known_cpu

    def start(self, files: Mapping[str, bytes], public: Mapping[str, Any]) -> None:
        """Lay out the files beside the notebook, and say what everybody may know."""
        arrays = {name: np.frombuffer(content, np.uint8) for name, content in files.items()}
        with self._waiting.within(cpu=START_SECONDS, wall=START_SECONDS):
            self._waiting.send(
                self._channel,
                {"do": "start", "public": public, "output_bytes": self.limits.output_bytes},
                arrays,
            )
            self._waiting.receive(self._channel)

    def run(self, source: str, number: int, asked: str | None, judge: Judge | None = None) -> Shown:
        """Run a cell; `judge` answers checks that it makes outside its place.

        Raises
        ------
        Stopped
            If the process had to be ended, or ended itself.
        """
        began, waiting = time.monotonic(), self._waiting
        with waiting.cell():
            waiting.send(self._channel, {"do": "run", "source": source, "number": number, "asked": asked})
            while True:
                header, _ = waiting.receive(self._channel)
                if not (judge and isinstance(header, dict) and isinstance(header.get("ask"), str)):
                    break
                verdict = judge(header["ask"], self._observe_here)
                waiting.send(self._channel, {"verdict": verdict})
        if not isinstance(header, dict) or "outputs" not in header:
            raise Stopped("protocol", "its process sent something that is not a cell's outputs")
        some_time = time.monotonic() - began > SOON
        if some_time and waiting.watch and waiting.watch.running() > CROWDED * self.limits.processes:
            raise Stopped("processes", "it left more processes behind than a notebook may have")
        wants = header.get("wants_kernel")
        return Shown(
            header["outputs"],
            header.get("earlier"),
            bool(header.get("cut")),
            wants if isinstance(wants, str) else None,
            waiting.interrupted,
        )

    def freeze(self, slot: int, variable: str) -> None:
        """Fork the process of an answer, which waits there for `observe`."""
        nonce = secrets.token_hex(16)
        with self._waiting.within(cpu=START_SECONDS, wall=START_SECONDS):
            self._waiting.send(
                self._channel, {"do": "freeze", "slot": slot, "variable": variable, "nonce": nonce}
            )
            header, _ = self._waiting.receive(self._channel)
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
        seconds, began = (observer.seconds or 5.0) + 3.0, time.monotonic()
        with self._waiting.within(cpu=seconds, wall=PATIENCE * seconds):
            self._waiting.send(channel, request, arrays)
            while True:
                header, results = self._waiting.receive(channel)
                if implementations is None or not isinstance(header, dict) or "call" not in header:
                    break
                self._waiting.send(channel, *implementations.asked(header["call"], results))
        if time.monotonic() - began > SOON:
            self._waiting.look()  # it may have answered between two looks
        if not isinstance(header, dict) or header.get("nonce") != nonce:
            raise Stopped("protocol", "its process sent an answer to something that it was not asked")
        if header.get("missing") is True or isinstance(header.get("not_callable"), str):
            return header
        try:
            return observation(header.get("seen"), results)
        except FrameError as error:
            raise broke(error) from None


def _ended(text: str) -> dict[str, Any]:
    return {"kind": "raised", "type": "Stopped", "message": text, "line": None}
