"""This worker's warmed process: started once, then every notebook is forked from it."""

from __future__ import annotations

import atexit
import json
import os
import socket
from dataclasses import dataclass
from typing import Any

from autograder.classroom import isolation

START_SECONDS = 180.0  # importing everything on a machine that has much else to do


@dataclass
class Warmed:
    """A warmed process, and what this worker needs to use it.

    Parameters
    ----------
    connection : socket
        Where notebooks are asked for.
    process : Warmed of `isolation.launch`
    owner : int
        The process that started it: a fork of a worker must not use its connection.
    findings : list
        How the start-up attacks ended.
    """

    connection: socket.socket
    process: Any
    owner: int
    findings: list[Any]
    ready: bool = False


_mine: Warmed | None = None


def prepare() -> None:
    """Begin to warm up; a worker's initializer. Returns at once, `warmed` waits."""
    global _mine
    if _mine is None or _mine.owner != os.getpid():
        _mine = _started()


def warmed(unsafe: bool = False) -> Warmed:
    """This worker's warmed process, ready for use.

    Raises
    ------
    IsolationError
        If it cannot be started, or if a start-up attack gets through and this is not accepted.
    """
    prepare()
    assert _mine is not None
    if not _mine.ready:
        _await(_mine.connection)
        _mine.ready = True
    return _mine


def close() -> None:
    """End the warmed process; the next `warmed` starts another one."""
    global _mine
    if _mine is not None and _mine.owner == os.getpid():
        _mine.connection.close()
        _mine.process.close()
    _mine = None


def _started() -> Warmed:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = isolation.launch(
            "autograder.classroom.student.warm", [str(theirs.fileno())], sockets=[theirs], readable=[]
        )
    atexit.register(close)
    return Warmed(ours, process, os.getpid(), [])


def _await(connection: socket.socket) -> None:
    connection.settimeout(START_SECONDS)
    message = connection.recv(1 << 16)
    if json.loads(message) != {"ready": True}:
        raise RuntimeError("the warmed process did not say that it is ready")
    connection.settimeout(None)
