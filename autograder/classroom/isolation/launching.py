"""Launching the warmed process: a fresh exec that inherits nothing but what it is given."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from autograder.classroom.isolation import bubblewrap, settings
from autograder.classroom.isolation.layers import ALL, Layer
from autograder.classroom.isolation.readable import HOME, Readable, needs_path, readable_paths

#: The user and group that students' processes get where the grader is root. They own nothing.
NOBODY = 64_000
WARMED_BYTES = 256 << 20  # what the warmed process itself may write, into memory
STAGE = str(Path(__file__).with_name("stage.py"))
CLOSING_SECONDS = 5.0


class IsolationError(RuntimeError):
    """Isolation cannot be had; the message says what to do."""


class Warmed:
    """A warmed process.

    Parameters
    ----------
    process : Popen
    layers : sequence of Layer
        What holds for it already: the view and the user id. `enter` puts on the rest.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], layers: Sequence[Layer], said: int, folder: str | None
    ) -> None:
        self.process = process
        self.layers = tuple(layers)
        self._said = said
        self._folder = folder
        self._heard = b""

    def complaint(self) -> str:
        """What the process wrote to its stdout and stderr: at most what a pipe holds, the rest is dropped."""
        while self._said >= 0:
            try:
                piece = os.read(self._said, 1 << 16)
            except BlockingIOError:
                break
            if not piece:
                break
            self._heard = (self._heard + piece)[-(1 << 16) :]
        return self._heard.decode(errors="replace").strip()

    def close(self) -> None:
        """End the process, and with it everything that was forked from it."""
        self.process.kill()
        self.process.wait(CLOSING_SECONDS)
        if self._said >= 0:
            self.complaint()
            os.close(self._said)
            self._said = -1
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def launch(
    module: str,
    arguments: Sequence[str],
    *,
    sockets: Sequence[socket.socket],
    readable: Sequence[Path],
    environment: Mapping[str, str] | None = None,
    layers_wanted: Collection[str] = ALL,
) -> Warmed:
    """Start ``python -m module`` as a process that knows nothing of this one.

    Parameters
    ----------
    module : str
        One that students' processes may read (`readable_paths`).
    arguments : sequence of str
        The numbers of descriptors among them stay valid.
    sockets : sequence of socket
        The only descriptors that the process inherits, besides an empty stdin and a pipe for its complaints.
    readable : sequence of Path
        What it may read besides the system, the interpreter and our part.
    environment : mapping, optional
        Variables besides the allowed ones.
    layers_wanted : collection of str
        Leave layers out for tests only.

    Raises
    ------
    IsolationError
        If the process could not be started in a way in which it would run.

    Notes
    -----
    It ends when the thread that called this ends (Linux ties the two, not the processes): call it from one
    that lives as long as the process is needed.
    """
    paths = readable_paths(readable)
    program, no_view = bubblewrap.found() if "view" in layers_wanted else ("", "not wanted")
    become, no_uid = _user("uid" in layers_wanted)
    folder = None if program else tempfile.mkdtemp(prefix="submission-")
    if folder and become:
        os.chown(folder, NOBODY, NOBODY)
    work = folder or bubblewrap.WORK
    given = settings.Settings(
        work,
        tuple(map(str, paths.readable)),
        tuple(map(str, paths.listable)),
        no_view,
        no_uid,
        tuple(sorted(layers_wanted)),
    )
    variables = _variables(work) | given.dump() | dict(environment or {})
    uid = str(NOBODY) if become else "0"
    command = [sys.executable, "-I", "-S", STAGE, uid, uid, sys.executable, "-m", module, *arguments]
    if program:
        command = bubblewrap.wrapped(program, paths.readable, WARMED_BYTES) + command
    elif become:
        _check_reach(paths)
    said, saying = os.pipe()
    try:
        # A process that writes more than the pipe holds is not to wait for a reader.
        os.set_blocking(saying, False)
        os.set_blocking(said, False)
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=saying,
            stderr=saying,
            env=variables,
            cwd=folder or "/",
            pass_fds=[s.fileno() for s in sockets],
        )
    finally:
        os.close(saying)
    layers = [Layer("view", not no_view, no_view), Layer("uid", not no_uid, no_uid)]
    return Warmed(process, layers, said, folder)


def _user(wanted: bool) -> tuple[bool, str]:
    """Whether the process becomes another user, and if it shares its id with this one, why."""
    if os.geteuid() != 0:
        return False, "only root can give it one"
    return (True, "") if wanted else (False, "not wanted")


def _variables(work: str) -> dict[str, str]:
    binaries = [str(Path(sys.prefix) / "bin"), "/usr/local/bin", "/usr/bin", "/bin"]
    allowed = {k: v for k, v in os.environ.items() if k in ("LANG", "LANGUAGE") or k.startswith("LC_")}
    threads = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        **allowed,
        **dict.fromkeys(threads, "1"),
        **({"PYTHONPATH": str(HOME)} if needs_path() else {}),
        "PATH": ":".join(dict.fromkeys(binaries)),
        "HOME": work,
        "TMPDIR": work,
        "MPLBACKEND": "agg",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _check_reach(paths: Readable) -> None:
    """Refuse to start what the unprivileged user could not even load."""
    needed = [Path(sys.executable), Path(sys.executable).resolve(), HOME / "autograder" / "__init__.py"]
    for path in needed:
        for folder in path.parents:
            if not folder.stat().st_mode & 0o001:
                raise IsolationError(
                    f"Students' processes run as a user of their own, who cannot get into {folder}. "
                    "Install bubblewrap (apt install bubblewrap), or put Python and the course elsewhere."
                )
