"""Somebody who watches from outside: a file, a process beside, and a listener on 127.0.0.1."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType

from .checks import CANARY


class Watch:
    """Use it in a ``with`` block that holds the run.

    Parameters
    ----------
    uid : int or None
        The account of the process beside; ours if None.

    Attributes
    ----------
    path, port, pid
        The file outside, where somebody listens, the process beside.
    canary : tuple of int
        Mode and date that the file had.
    files : dict of Path to bytes
        Files that are to stay as they are, with their content.
    """

    def __init__(self, uid: int | None = None):
        self.folder = Path(tempfile.mkdtemp(prefix="hostile-outside-"))
        self.folder.chmod(0o777)
        self.path = self.folder / "canary.txt"
        self.path.write_text(CANARY)
        self.path.chmod(0o666)
        if uid is not None:
            os.chown(self.path, uid, uid)
        os.utime(self.path, (1_700_000_000, 1_700_000_000))
        self.canary = (0o666, 1_700_000_000)
        self.files: dict[Path, bytes] = {}
        self.heard: dict[str, list[bytes]] = {"TCP": [], "UDP": [], "a UNIX socket": []}
        self._sibling = subprocess.Popen(["sleep", "7200"], user=uid, start_new_session=True)
        self.pid = self._sibling.pid
        self._sockets = self._listen()

    def _listen(self) -> list[socket.socket]:
        tcp = socket.create_server(("127.0.0.1", 0))
        self.port = tcp.getsockname()[1]
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", self.port))
        door = socket.socket(socket.AF_UNIX)
        door.bind(f"\0hostile-{os.getpid()}")
        door.listen()
        for name, one in (("TCP", tcp), ("a UNIX socket", door)):
            threading.Thread(target=self._accept, args=(one, self.heard[name]), daemon=True).start()
        threading.Thread(target=self._receive, args=(udp, self.heard["UDP"]), daemon=True).start()
        return [tcp, udp, door]

    @staticmethod
    def _accept(listening: socket.socket, heard: list[bytes]) -> None:
        with contextlib.suppress(OSError):  # the end of the watch closes the socket
            while True:
                connection, _ = listening.accept()
                with connection:
                    connection.settimeout(5)
                    try:
                        heard.append(connection.recv(1000))
                    except OSError:
                        heard.append(b"")

    @staticmethod
    def _receive(listening: socket.socket, heard: list[bytes]) -> None:
        with contextlib.suppress(OSError):
            while True:
                heard.append(listening.recv(1000))

    def calls(self, name: str) -> list[str]:
        """On what an attack was heard."""
        return [
            kind for kind, heard in self.heard.items() if any(f"hostile-{name}".encode() in x for x in heard)
        ]

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._sibling.kill()
        self._sibling.wait()
        shutil.rmtree(self.folder)
