"""Answers as they were at their grade cell: each waits in a process of its own, to be observed later."""

from __future__ import annotations

import builtins
import gc
import os
import socket
from collections.abc import Sequence
from typing import Any, NoReturn, Protocol

import numpy as np

from autograder.case import Case
from autograder.classroom.frames import Channel, Closed
from autograder.classroom.isolation import syscalls
from autograder.observers import from_json, observe
from autograder.observers.arrays import with_article
from autograder.observers.deadline import count_cpu_time


class SupportsClose(Protocol):
    """Something that can be closed."""

    def close(self) -> None:
        """Close it."""


def freeze(
    answer: Any, missing: bool, connection: socket.socket, closing: Sequence[SupportsClose] = ()
) -> int:
    """Fork a process in which `answer` stays what it is now, and that answers on `connection`; its pid."""
    pid = os.fork()
    if pid:
        connection.close()
        return pid
    try:
        for other in closing:
            other.close()
        _serve(answer, missing, Channel(connection))
    finally:
        os._exit(0)


def _serve(answer: Any, missing: bool, channel: Channel) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)  # the notebook does not look into it
    count_cpu_time()
    gc.disable()  # what is about to end need not be tidied up
    while True:
        try:
            header, arrays = channel.receive()
        except Closed:
            return
        reply(answer, missing, header, arrays, channel)


def ask(channel: Channel, exercise_id: str, answer: Any) -> dict[str, Any]:
    """Let the grader judge an answer in the middle of a cell: the verdict as JSON."""
    channel.send({"ask": str(exercise_id)})
    while True:
        header, arrays = channel.receive()
        if "verdict" in header:
            return header["verdict"]
        reply(answer, False, header, arrays, channel)


def reply(
    answer: Any, missing: bool, header: dict[str, Any], arrays: dict[str, np.ndarray], channel: Channel
) -> None:
    """Answer one request of the grader: run the answer on the case that came with it."""
    if missing or not callable(answer):
        said = {"missing": True} if missing else {"not_callable": with_article(answer)}
        channel.send({"nonce": header["nonce"], **said})
    else:
        _observe(answer, header, arrays, channel)


def _observe(answer: Any, header: dict[str, Any], arrays: dict[str, np.ndarray], channel: Channel) -> None:
    case = Case.from_wire(header["case"], arrays)
    seen = observe(from_json(header["observer"]), answer, case, _Remote(channel))
    described, results = seen.to_wire()
    channel.send({"nonce": header["nonce"], "seen": described}, results)


class _Remote:
    """The implementations that a learner's test is run on: they live on the grader's side."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def __call__(
        self, handle: str, arguments: list[Any], keywords: dict[str, Any], cotangent: np.ndarray | None
    ) -> list[np.ndarray]:
        values = [*arguments, *keywords.values(), cotangent]
        arrays = {str(i): value for i, value in enumerate(values) if isinstance(value, np.ndarray)}
        plain = [None if isinstance(value, np.ndarray) else value for value in values]
        header = {"call": {"plain": plain, "names": list(keywords), "positional": len(arguments)}}
        self._channel.send(header, arrays)
        reply, results = self._channel.receive()
        if "raised" in reply:
            _raise(reply["raised"], reply["message"])
        return [results[str(i)].copy() for i in range(len(results))]


def _raise(name: str, message: str) -> NoReturn:
    kind = getattr(builtins, name, RuntimeError)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        kind = RuntimeError
    raise kind(message)
