"""Launching the warmed process: a fresh exec that inherits nothing but what it is given."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from weakref import WeakSet

from autograder.classroom.isolation import bubblewrap, processes, settings
from autograder.classroom.isolation.layers import ALL, Layer
from autograder.classroom.isolation.readable import HOME, Readable, needs_path, readable_paths

#: The user and group that students' processes get where the grader is root. They own nothing.
NOBODY = 64_000
WARMED_BYTES = 256 << 20  # what the warmed process itself may write, into memory
STAGE = str(Path(__file__).with_name("stage.py"))
CLOSING_SECONDS = 5.0


class IsolationError(RuntimeError):
    """Isolation cannot be had; the message says what to do."""


_alive: WeakSet[Warmed] = WeakSet()


def _let_all_go() -> None:
    for warmed in list(_alive):
        warmed.let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_all_go)


class Warmed:
    """A warmed process.

    Parameters
    ----------
    process : Popen
    layers : sequence of Layer
        What holds for it already: the view and the user id. `enter` puts on the rest.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        layers: Sequence[Layer],
        lifeline: int,
        said: int,
        folder: str | None,
    ) -> None:
        self.process = process
        self.layers = tuple(layers)
        self._lifeline = lifeline
        self._said = said
        self._folder = folder
        self._heard = b""
        self._owner = os.getpid()
        _alive.add(self)

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

    def let_go(self) -> None:
        """Let go of the lifeline: in a fork of the grader, whose end is not to be waited for."""
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def close(self) -> None:
        """End the process, and with it everything that was forked from it."""
        if self._said < 0 or os.getpid() != self._owner:
            return
        self.let_go()
        # Its forks follow it. A process that this one forked without knowing may still hold the lifeline.
        for one in processes.tree(self.process.pid):
            processes.signal_if_same(one.identity, signal.SIGKILL)
        self.process.wait(CLOSING_SECONDS)
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
    The process ends when this one does, however that happens, or closes it.
    """
    if sys.platform != "linux":
        raise IsolationError("Isolation needs Linux.")
    paths = readable_paths(readable)
    program, no_view = bubblewrap.found() if "view" in layers_wanted else ("", "not wanted")
    become, no_uid = _user("uid" in layers_wanted)
    if become and not program:
        _check_reach(paths)
    folder = None if program else tempfile.mkdtemp(prefix="submission-")
    if folder and become:
        os.chown(folder, NOBODY, NOBODY)
    work = folder or bubblewrap.WORK
    held, lifeline = os.pipe()
    given = settings.Settings(
        work,
        tuple(map(str, paths.readable)),
        tuple(map(str, paths.listable)),
        no_view,
        no_uid,
        tuple(sorted(layers_wanted)),
        held,
    )
    variables = _variables(work) | given.dump() | dict(environment or {})
    uid = str(NOBODY) if become else "0"
    command = [
        sys.executable,
        "-I",
        "-S",
        STAGE,
        str(held),
        uid,
        uid,
        sys.executable,
        "-m",
        module,
        *arguments,
    ]
    if program:
        command = bubblewrap.wrapped(program, paths.readable, WARMED_BYTES) + command
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
            pass_fds=[held, *(s.fileno() for s in sockets)],
        )
    except BaseException:
        os.close(lifeline)
        os.close(said)
        raise
    finally:
        os.close(saying)
        os.close(held)
    layers = [Layer("view", not no_view, no_view), Layer("uid", not no_uid, no_uid)]
    return Warmed(process, layers, lifeline, said, folder)


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
