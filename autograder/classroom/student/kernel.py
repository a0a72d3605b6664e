"""A notebook that needs what only a kernel has: it runs in a real one, a child of the room's process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

import nbformat
from IPython.core.getipython import get_ipython
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from autograder.classroom.frames import Channel
from autograder.classroom.student import answers
from autograder.classroom.student.face import Face
from autograder.classroom.student.shell import CUT


class KernelTerminal:
    """Runs cells in a kernel, over sockets in the work folder: there is no network here.

    Parameters
    ----------
    channel : Channel
        To the grader. While a cell runs, the kernel's process uses it: a check in it may ask for a verdict.
    slots : sequence of socket
        The connections of the answers that will be frozen, in the kernel's process.
    """

    def __init__(self, channel: Channel, slots: Sequence[socket.socket]) -> None:
        self._channel = channel
        self._slots = slots
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._limit = 0

    def begin(self, public: dict[str, Any], output_bytes: int) -> None:
        """Start the kernel."""
        self._limit = output_bytes
        signal.signal(signal.SIGINT, self._interrupted)
        # The name of a socket may have 107 bytes.
        self._manager = AsyncKernelManager(transport="ipc", ip=os.path.join(os.getcwd(), ".kernel"))
        environment = {name: value for name, value in os.environ.items() if name != "JPY_PARENT_PID"}
        self._client = NotebookClient(
            nbformat.v4.new_notebook(), km=self._manager, timeout=None, allow_errors=True
        )
        inherited = [self._channel.fileno(), *(slot.fileno() for slot in self._slots)]
        self._wait(self._client.async_start_new_kernel(env=environment, pass_fds=inherited))
        self._wait(self._client.async_start_new_kernel_client())
        self._call("put_on", public, self._channel.fileno())

    def run(self, source: str, number: int, asked: str | None) -> dict[str, Any]:
        """Run a cell, and tell what it shows."""
        self._call("about", asked)
        cells = self._client.nb.cells  # all of them: a display may change what an earlier one shows
        before = [json.dumps(cell.outputs) for cell in cells]
        cell = nbformat.v4.new_code_cell(source)
        cells.append(cell)
        try:
            self._wait(self._client.async_execute_cell(cell, len(cells) - 1, execution_count=number))
        except DeadKernelError:
            os._exit(1)  # as a cell that ends the shell's process does
        cell.execution_count = number
        size = sum(len(json.dumps(output)) for output in cell.outputs)
        if size > self._limit:
            cell.outputs = [nbformat.v4.new_output("stream", text=CUT)]
        return {
            "outputs": cell.outputs,
            "earlier": {
                str(one.execution_count): one.outputs
                for one, text in zip(cells, before, strict=False)
                if json.dumps(one.outputs) != text
            },
            "cut": size > self._limit,
            "wants_kernel": None,
        }

    def freeze(self, connection: socket.socket, variable: str) -> None:
        """Fork the process of an answer, from the kernel's."""
        self._call("freeze", connection.fileno(), variable)
        connection.close()

    def _interrupted(self, number: int, frame: Any) -> None:
        if self._manager.provisioner is not None:
            self._interrupt = asyncio.ensure_future(self._manager.interrupt_kernel(), loop=self._loop)

    def _call(self, function: str, *arguments: Any) -> None:
        """Call a function of this module in the kernel's process."""
        given = ", ".join(repr(json.dumps(argument)) for argument in arguments)
        source = f"__import__({__name__!r}, fromlist=['*']).{function}({given})"
        client: Any = self._client.kc
        reply = self._wait(client.execute_interactive(source, silent=True, store_history=False))
        if reply["content"]["status"] != "ok":
            raise RuntimeError(f"{function} failed in the kernel: {reply['content'].get('evalue')}")

    def _wait(self, work: Any) -> Any:
        return self._loop.run_until_complete(work)


_face: Face | None = None


def put_on(public: str, channel: str) -> None:
    """In the kernel: let the notebook find the face of the course."""
    global _face
    talk = Channel(socket.socket(fileno=json.loads(channel)))

    def ask(exercise_id: str, answer: Any) -> dict[str, Any]:
        return answers.ask(talk, exercise_id, answer)

    _face = Face(json.loads(public), ask)
    _face.put_on()
    sys.path.insert(0, "")


def about(exercise: str) -> None:
    """In the kernel: say which exercise the next cell is about."""
    assert _face is not None
    _face.asked = json.loads(exercise)


def freeze(descriptor: str, variable: str) -> None:
    """In the kernel: fork the process of an answer."""
    terminal: Any = get_ipython()
    name, names = json.loads(variable), terminal.user_ns
    answers.freeze(names.get(name), name not in names, socket.socket(fileno=json.loads(descriptor)))
