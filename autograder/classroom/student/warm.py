"""The warmed process: it has imported what lessons import, and forks one process for each notebook.

It is started afresh with an environment of its own, holds nothing that a student may not see, and stays
single-threaded: a fork has only the thread that forked, and a lock that another one held stays locked.

``python -m autograder.classroom.student.warm DESCRIPTOR...``: on each of these connected sockets a grader
asks for notebooks. A message is a JSON object with a notebook's limits; with it come the descriptors of the
notebook's connections, the first one to its room and one more for each answer that will be frozen.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import socket
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from autograder.classroom import isolation
from autograder.classroom.student import READY, shell
from autograder.classroom.student.pages import collapse

#: What lessons import. Anything else is imported by the notebook that needs it.
MODULES = (
    "numpy",
    "torch",
    "torch.nn.functional",
    "torch.optim",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "ipywidgets",
    "course_lib.contrastive",
    "course_lib.quantization",
    "course_lib.data",
    "course_lib.figures",
    "autograder.observers.encoders",
    "autograder.observers.ranks",
    "autograder.observers.room",
    "autograder.classroom.student.terminal",
    "autograder.classroom.student.room",
)
#: What must never be here: whoever sees these sees mistakes, cases or scores.
FORBIDDEN = (
    "autograder.exercises",
    "autograder.judge",
    "autograder.expectation",
    "autograder.cases",
    "nbgrader",
)
MOST_DESCRIPTORS = 250  # a message can carry 253


def main(arguments: Sequence[str]) -> None:
    """Warm up, say so on every connection, and fork a room for every message until all graders are gone."""
    connections = [socket.socket(fileno=int(number)) for number in arguments]
    terminal = warm_up()
    for connection in connections:
        connection.send(READY)
    children: set[int] = set()
    while connections:
        ready, _, _ = select.select(connections, [], [], 1.0)
        for connection in ready:
            message, descriptors, _, _ = socket.recv_fds(connection, 1 << 16, MOST_DESCRIPTORS)
            if not message:
                connection.close()
                connections.remove(connection)
                continue
            children.add(_fork(json.loads(message), descriptors, terminal, connections))
        children -= {pid for pid in children if os.waitpid(pid, os.WNOHANG)[0]}


def warm_up() -> shell.Shell:
    """Import what lessons import, draw one figure (fonts are searched for once), and make the shell."""
    terminal = shell.make()
    for name in MODULES:
        importlib.import_module(name)
    import io

    import torch

    isolation.prepare()
    torch.set_num_threads(1)
    pyplot = importlib.import_module("matplotlib.pyplot")
    figure, axes = pyplot.subplots()
    axes.plot([0, 1], label=r"$\tau$")
    axes.set_title("warm")
    axes.legend()
    figure.savefig(io.BytesIO(), format="png")
    pyplot.close("all")
    torch.softmax(torch.ones(3, 3) @ torch.ones(3, 3), 1)
    wrong = [name for name in sys.modules if name.startswith(FORBIDDEN)]
    if wrong:
        raise RuntimeError(f"the warmed process has loaded {wrong[0]}")
    gc.collect()
    collapse()
    gc.freeze()  # the children share these pages as long as no collector writes into them
    return terminal


def _fork(
    order: dict[str, Any],
    descriptors: list[int],
    terminal: shell.Shell,
    connections: list[socket.socket],
) -> int:
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"the warmed process has {threads} threads and cannot be forked safely")
    pid = os.fork()
    if pid:
        for descriptor in descriptors:
            os.close(descriptor)
        return pid
    try:
        for connection in connections:
            connection.close()
        _live(order, descriptors, terminal)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stderr.flush()
        os._exit(0)


def _live(order: dict[str, Any], descriptors: list[int], terminal: shell.Shell) -> None:
    from autograder.classroom.frames import Channel
    from autograder.classroom.student.room import Room, Terminal
    from autograder.classroom.student.terminal import ShellTerminal

    connection, *slots = (socket.socket(fileno=number) for number in descriptors)
    channel = Channel(connection)
    isolation.enter(order["limits"], announce=lambda pid: channel.send({"pid": pid}))
    channel.send({"entered": True})
    inside: Terminal
    if order["kernel"]:
        from autograder.classroom.student.kernel import KernelTerminal

        inside = KernelTerminal(channel, slots)
    else:
        inside = ShellTerminal(terminal, channel, slots)
    Room(channel, slots, inside).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
