"""One notebook, in a process forked from the warmed one: it does what the grader asks for."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from autograder.classroom.frames import Channel, Closed


class Terminal(Protocol):
    """What runs a notebook's cells: the warmed shell, or a real kernel."""

    def begin(self, public: dict[str, Any], output_bytes: int) -> None:
        """Get ready, in the folder where the notebook's files lie."""

    def run(self, source: str, number: int, asked: str | None) -> dict[str, Any]:
        """Run a cell, which asks for an exercise if it is a grade cell; what there is to say of it."""

    def freeze(self, connection: socket.socket, variable: str) -> None:
        """Fork the process of an answer, and leave the connection to it."""


class Room:
    """The student's end of one notebook.

    Parameters
    ----------
    channel : Channel
        To the grader.
    slots : list of socket
        One connection for each answer that will be frozen.
    terminal : Terminal
    """

    def __init__(self, channel: Channel, slots: list[socket.socket], terminal: Terminal) -> None:
        self._channel = channel
        self._slots = slots
        self._terminal = terminal

    def serve(self) -> None:
        """Do what the grader asks for, until it closes its end."""
        requests = {"start": self._start, "run": self._run, "freeze": self._freeze}
        while True:
            try:
                header, arrays = self._channel.receive()
            except Closed:
                return
            self._channel.send(requests[header["do"]](header, arrays))

    def _start(self, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        for name, content in arrays.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.tobytes())
        self._terminal.begin(header["public"], header["output_bytes"])
        return {"started": True}

    def _run(self, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        return _sendable(self._terminal.run(header["source"], header["number"], header["asked"]))

    def _freeze(self, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        self._terminal.freeze(self._slots[header["slot"]], header["variable"])
        return {"frozen": header["nonce"]}


def _sendable(value: Any) -> Any:
    """JSON values only: what a display gave may hold anything."""
    if isinstance(value, dict):
        return {str(key): _sendable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_sendable(item) for item in value]
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    return repr(value)
