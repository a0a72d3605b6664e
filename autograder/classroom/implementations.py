"""The implementations that a learner's test is run on, in a process that is limited and thrown away.

A test decides what they are called with. They run outside the student's process, since the wrong ones are the
exercise's misconceptions, and outside the grader's, since arguments may be as large as a frame allows.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograder.case import Case
from autograder.classroom.frames import Channel, Closed, FrameError, FrameLimits
from autograder.exercise import Exercise

CALLS = 1_000  # that one run of a test may make
CALL_BYTES = 1 << 22  # of arrays that one call may bring
ALL_BYTES = 1 << 26  # of arrays that one run of a test may bring
CPU_SECONDS = 20  # of all calls of one answer together
MEMORY_BYTES = 2 << 30
MAX_MESSAGE = 300

#: What a call may hold, seen by the grader.
LIMITS = FrameLimits(header_bytes=1 << 18, array_bytes=CALL_BYTES, arrays=32, axes=8)


class Implementations:
    """A process that runs implementations of an exercise on demand, for one answer.

    Parameters
    ----------
    exercise : Exercise
        Whose `remote` the calls go to.
    cases : sequence of Case
        The judge's own cases, each of which says which implementation it is about.
    """

    def __init__(self, exercise: Exercise, cases: Sequence[Case]) -> None:
        ours, theirs = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                ours.close()
                _serve(exercise, cases, Channel(theirs))
            finally:
                os._exit(0)
        theirs.close()
        self._channel = Channel(ours, FrameLimits(seconds=CPU_SECONDS * 3.0))
        self.begin(0)

    def begin(self, place: int) -> None:
        """From now on calls go to the implementation of the case at this place."""
        self._place = place
        self._left, self._bytes = CALLS, ALL_BYTES

    def asked(self, call: object, arrays: dict[str, np.ndarray]) -> tuple[Any, dict[str, np.ndarray]]:
        """Run it once if what a test sent has the form of a call; the reply to send back."""
        header = _call(call, arrays)
        if header is None:
            return {"raised": "TypeError", "message": "an implementation takes arrays and plain numbers"}, {}
        self._left -= 1
        self._bytes -= sum(array.nbytes for array in arrays.values())
        if self._left < 0 or self._bytes < 0:
            said = "the test has called its implementation too often"
            return {"raised": "RuntimeError", "message": said}, {}
        try:
            self._channel.send(header | {"place": self._place}, arrays)
            return self._channel.receive()
        except FrameError:  # it ran out of time or memory, and is gone
            return {
                "raised": "RuntimeError",
                "message": "this call asks for more than an implementation may take",
            }, {}

    def close(self) -> None:
        """End the process."""
        self._channel.close()
        os.kill(self._pid, signal.SIGKILL)  # it is ours until it is waited for
        os.waitpid(self._pid, 0)


@contextlib.contextmanager
def implementations(exercise: Exercise, cases: Sequence[Case]) -> Iterator[Implementations]:
    """Have the implementations of some cases ready in the block."""
    ready = Implementations(exercise, cases)
    try:
        yield ready
    finally:
        ready.close()


def _call(call: object, arrays: dict[str, np.ndarray]) -> dict[str, Any] | None:
    """What a test sent, without anything that a call does not need; None if it is no call."""
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
        and sum(array.nbytes for array in arrays.values()) <= LIMITS.array_bytes
    )
    return {"plain": plain, "names": names, "positional": positional} if fits else None


def _serve(exercise: Exercise, cases: Sequence[Case], channel: Channel) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    used = _mapped()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, used + MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    remotes = [exercise.remote(case) for case in cases]
    while True:
        try:
            header, arrays = channel.receive()
        except Closed:
            return
        remote = remotes[header["place"]]
        assert remote is not None
        try:
            results = remote("", *_arguments(header, arrays))
            channel.send({}, {str(i): np.asarray(result) for i, result in enumerate(results)})
        except Exception as error:  # the test sees what the implementation raised
            channel.send({"raised": type(error).__name__, "message": str(error)[:MAX_MESSAGE]})


def _arguments(
    header: dict[str, Any], arrays: dict[str, np.ndarray]
) -> tuple[list[Any], dict[str, Any], np.ndarray | None]:
    values = [arrays.get(str(i), value) for i, value in enumerate(header["plain"])]
    positional = header["positional"]
    return values[:positional], dict(zip(header["names"], values[positional:-1], strict=True)), values[-1]


def _mapped() -> int:
    """Bytes of address space in use."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
