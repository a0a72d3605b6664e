"""The warmed shell as a notebook's terminal: streams, signals, random numbers and the face of the course."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from autograder.classroom.frames import Channel
from autograder.classroom.student import answers, shell
from autograder.classroom.student.face import Face


class ShellTerminal:
    """Runs cells in the shell that was made before the fork.

    Parameters
    ----------
    terminal : Shell
    channel : Channel
        To the grader, who judges checks that a cell makes outside their places.
    slots : sequence of socket
        All connections of answers: one that is frozen must not hold the others'.
    """

    def __init__(self, terminal: shell.Shell, channel: Channel, slots: Sequence[socket.socket]) -> None:
        self._shell = terminal
        self._channel = channel
        self._slots = slots
        self._face: Face | None = None
        self._running = False
        self._files = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115  # open as long as this process
        self._printed = {
            name: file.fileno() for name, file in zip(("stdout", "stderr"), self._files, strict=True)
        }
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)

    def begin(self, public: dict[str, Any], output_bytes: int) -> None:
        """Make this process a notebook's."""
        shell.outputs.limit = output_bytes
        random.seed()  # every fork has the same random numbers otherwise
        np.random.seed()
        torch.default_generator.seed()
        nowhere = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nowhere, 0)
        os.close(nowhere)
        for descriptor, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(self._printed[name], descriptor)  # what other programs print is shown, too
        shell.take_over(self._printed)
        signal.signal(signal.SIGINT, self._interrupted)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        sys.path.insert(0, "")
        self._face = Face(public, lambda exercise, answer: answers.ask(self._channel, exercise, answer))
        self._face.put_on()
        gc.enable()

    def run(self, source: str, number: int, asked: str | None) -> dict[str, Any]:
        """Run a cell, and tell what it shows."""
        assert self._face is not None
        self._face.asked = asked
        self._running = True
        try:
            shell.run(self._shell, self._loop, source, number)
        finally:
            self._running = False
        for name in self._printed:
            shell.outputs.stream(name, self._take_printed(name))
        return {
            "outputs": shell.outputs.finished(),
            "cut": shell.outputs.cut,
            "wants_kernel": self._shell.wants_kernel,
        }

    def freeze(self, connection: socket.socket, variable: str) -> None:
        """Fork the process of an answer."""
        names = self._shell.user_ns
        others: list[answers.SupportsClose] = [self._channel]
        others += [slot for slot in self._slots if slot is not connection]
        answers.freeze(names.get(variable), variable not in names, connection, closing=others)

    def _interrupted(self, number: int, frame: Any) -> None:
        if self._running:  # an interrupt that comes too late would strike the conversation with the grader
            raise KeyboardInterrupt

    def _take_printed(self, name: str) -> str:
        """What other programs have printed to this process's descriptors since the last cell."""
        descriptor = self._printed[name]
        size = os.fstat(descriptor).st_size
        if not size:
            return ""
        text = os.pread(descriptor, min(size, shell.outputs.limit + 1), 0)
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return text.decode("utf-8", "replace")
