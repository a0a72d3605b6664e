"""The warmed process of a worker: started once, then every notebook is forked from it."""

from __future__ import annotations

import atexit
import os
import socket
from dataclasses import dataclass

from autograder.classroom import isolation
from autograder.classroom.student import READY

#: What a notebook finds in its environment besides what the isolation lets through, as under nbgrader.
ENVIRONMENT = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "NBGRADER_EXECUTION": "autograde",
    "COURSE_PROGRESS": "off",
}
START_SECONDS = 180.0  # importing everything on a machine that has much else to do


@dataclass
class Warmed:
    """A warmed process, and what this worker needs to use it.

    Parameters
    ----------
    connection : socket
        Where notebooks are asked for.
    process : isolation.Warmed or None
        None where another process started it, and tells whether it may be used.
    owner : int
        The process that uses it: a fork of a worker must not.
    findings : Findings or None
        How the start-up attacks ended; None before they were tried.
    """

    connection: socket.socket
    process: isolation.Warmed | None
    owner: int
    findings: isolation.Findings | None = None
    ready: bool = False


_mine: Warmed | None = None


def prepare() -> None:
    """Begin to warm up; a worker's initializer. Returns at once, `warmed` waits."""
    global _mine
    if _mine is None or _mine.owner != os.getpid():
        _mine = _started()


def share() -> socket.socket:
    """Begin to warm up, for workers on this machine: what they `adopt`.

    It ends with this process, or with `close`.
    """
    prepare()
    assert _mine is not None
    return _mine.connection


def adopt(connection: socket.socket) -> None:
    """Use a warmed process that another one has started; a worker's initializer.

    Each message on the connection is a whole one, so that many may send. Should the process end, this worker
    starts another one for itself.
    """
    global _mine
    _mine = Warmed(connection, None, os.getpid(), ready=True)


def warmed(unsafe: bool = False) -> Warmed:
    """The warmed process of this worker, ready for use.

    Raises
    ------
    IsolationError
        If it cannot be started, or if a start-up attack gets through and this is not accepted.
    """
    prepare()
    assert _mine is not None
    if _mine.process is not None:
        check(unsafe)
    if not _mine.ready:
        _await(_mine)
    return _mine


def check(unsafe: bool = False) -> isolation.Findings:
    """Try the start-up attacks, once for each warmed process.

    Raises
    ------
    IsolationError
        If one gets through and this is not accepted.
    """
    prepare()
    assert _mine is not None
    if _mine.findings is None:
        _mine.findings = isolation.canaries()  # while the warmed process still imports
    if _mine.findings.escaped and not unsafe:
        raise isolation.IsolationError(
            f"Submissions are not graded here: {isolation.describe(_mine.findings)}. Install bubblewrap, "
            "allow user namespaces, or use a newer kernel; --unsafe grades all the same."
        )
    return _mine.findings


def close() -> None:
    """End the warmed process, if it is this one's; the next `warmed` starts another one."""
    global _mine
    if _mine is not None and _mine.owner == os.getpid():
        _mine.connection.close()
        if _mine.process is not None:
            _mine.process.close()
    _mine = None


def _started() -> Warmed:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = isolation.launch(
            "autograder.classroom.student.warm",
            [str(theirs.fileno())],
            sockets=[theirs],
            readable=[],
            environment=ENVIRONMENT,
        )
    atexit.register(close)
    return Warmed(ours, process, os.getpid())


def _await(mine: Warmed) -> None:
    """Wait until the process says that it is ready."""
    assert mine.process is not None
    mine.connection.settimeout(START_SECONDS)
    try:
        message = mine.connection.recv(1 << 16)
    except TimeoutError:
        message = b""
    if message != READY:
        said = mine.process.complaint()[-2000:] or "it said nothing"
        raise isolation.IsolationError(f"The warmed process did not get ready: {said}")
    mine.connection.settimeout(None)
    mine.ready = True
