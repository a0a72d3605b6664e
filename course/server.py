"""JupyterLab as a child process: a free port, a token, settings of its own, a clean end.

Everything JupyterLab remembers (settings, open tabs, signatures, its log) goes into one `state` folder, and
nothing of the user's own Jupyter set-up is read or changed. It asks the network for nothing.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from course.errors import CourseError

__all__ = ["Server", "free_port"]

FIRST_PORT = 8888  # JupyterLab's own habit

# jsonschema imports rfc3987_syntax where it can, to check addresses of a form that no message here has; that
# import compiles a grammar for as long as all the rest of the start takes. None stands for "not installed".
START = "import sys; sys.modules['rfc3987_syntax'] = None; from jupyterlab.labapp import main; main()"
OFFLINE = [
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",  # the other one lists packages from the registry
]
# nbgrader's buttons are for a class with an exchange folder; alone they only report that there is none.
CLASS_SERVER_EXTENSIONS = [
    f"nbgrader.server_extensions.{name}"
    for name in ("formgrader", "validate_assignment", "assignment_list", "course_list")
]
CLASS_LAB_EXTENSION = "@jupyter/nbgrader"
NEWS_EXTENSION = "@jupyterlab/apputils-extension:announcements"  # asks whether to fetch news


def free_port(ip: str, port: int | None = None) -> int:
    """`port` if it is free, or without one the first free port from 8888 on.

    Raises
    ------
    CourseError
        If `port` is taken, or `ip` is not an address of this machine.
    """
    reason = ""
    for candidate in [port] if port is not None else [*range(FIRST_PORT, FIRST_PORT + 50), 0]:
        with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET) as probe:
            if os.name == "posix":  # a port whose last owner has just gone counts as free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ip, candidate))
            except OSError as error:
                reason = error.strerror or str(error)
                continue
            except OverflowError:
                reason = "a port is a number from 0 to 65535"
                continue
            return probe.getsockname()[1]
    wanted = f"port {port}" if port is not None else "any port"
    raise CourseError(f"Cannot use {wanted} of {ip}: {reason}.")


class Server:
    """One JupyterLab, started by `start` and ended by `stop`.

    Parameters
    ----------
    folder : what JupyterLab shows as its top folder.
    state : folder for everything it remembers; made if missing.
    ip : address to listen on; ``0.0.0.0`` lets a container publish the port.
    port : int, or None for the first free one.
    open_browser : whether JupyterLab opens the page itself.
    page : file below `folder` that opens first, with forward slashes; empty for formgrader or the launcher.
    classroom : whether nbgrader's formgrader and its companions are switched on.
    options : further options for JupyterLab, as on its command line.
    """

    def __init__(
        self,
        folder: Path,
        state: Path,
        *,
        ip: str = "127.0.0.1",
        port: int | None = None,
        open_browser: bool = False,
        page: str = "",
        classroom: bool = False,
        options: Sequence[str] = (),
    ):
        self.folder, self.state = folder, state
        self.ip, self.port = ip, free_port(ip, port)
        self.open_browser, self.classroom, self.options = open_browser, classroom, options
        self.host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(ip, ip)
        self.token = secrets.token_hex(24)
        self.path = f"/lab/tree/{quote(page)}" if page else ("/formgrader" if classroom else "/lab")
        self.log = state / f"lab-{self.port}.log"
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address that opens the page in a browser, token included."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}{self.path}?token={self.token}"

    def start(self, timeout: float = 90.0) -> None:
        """Start JupyterLab and return when it answers.

        Raises
        ------
        CourseError
            If it ends, or does not answer within `timeout` seconds; the message shows the end of its log.
        """
        _write_json(self.state / "labconfig" / "page_config.json", self._page_config())
        with self.log.open("wb") as log:
            self._child = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal reaches the parent alone, which then ends the child in order.
                start_new_session=os.name == "posix",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        give_up = time.monotonic() + timeout
        while self._ask("GET", "/api/status") != 200:
            if self._child.poll() is not None or time.monotonic() > give_up:
                self.stop()
                tail = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
                raise CourseError("\n".join([f"JupyterLab did not start; {self.log} ends:", *tail]))
            time.sleep(0.05)

    def wait(self) -> int:
        """Wait until JupyterLab has ended, and return its exit status."""
        child = self._started()
        while child.poll() is None:  # Popen.wait() cannot be interrupted on Windows
            time.sleep(0.2)
        return child.returncode

    def stop(self, timeout: float = 10.0) -> None:
        """End JupyterLab with its kernels; nothing happens if it has ended already."""
        child = self._child
        if child is None or child.poll() is not None:
            return
        try:
            # Asked through its own interface, it ends its kernels in order on every system.
            for end in (lambda: self._ask("POST", "/api/shutdown"), child.terminate):
                end()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(timeout)
                    return
        finally:  # also when a second Ctrl-C cuts the waiting short
            if child.poll() is None:
                child.kill()
                child.wait()

    def command(self) -> list[str]:
        """Command line of the child. The token is not in it, where other users could read it."""
        extensions = dict.fromkeys(CLASS_SERVER_EXTENSIONS, self.classroom)
        return [
            *(sys.executable, "-c", START),
            f"--ServerApp.root_dir={self.folder}",
            f"--ServerApp.ip={self.ip}",
            f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0",  # the address is announced beforehand: that port or none
            f"--ServerApp.jpserver_extensions={extensions}",
            f"--LabApp.default_url={self.path}",
            *(() if self.open_browser else ("--no-browser",)),
            *(("--allow-root",) if getattr(os, "geteuid", lambda: 1)() == 0 else ()),
            *OFFLINE,
            *self.options,
        ]

    def environment(self) -> dict[str, str]:
        """Environment of the child."""
        # Not resolved: in a virtual environment the interpreter is a link to another folder's.
        programs = str(Path(sys.executable).parent)
        return {
            **os.environ,
            "PATH": os.pathsep.join([programs, os.environ.get("PATH", os.defpath)]),
            "JUPYTER_TOKEN": self.token,
            "JUPYTER_CONFIG_DIR": str(self.state),
            "JUPYTER_DATA_DIR": str(self.state / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.state / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.state / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.state / "workspaces"),
            "IPYTHONDIR": str(self.state / "ipython"),
        }

    def _page_config(self) -> dict:
        return {"disabledExtensions": {CLASS_LAB_EXTENSION: not self.classroom, NEWS_EXTENSION: True}}

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise RuntimeError("The server has not been started.")
        return self._child

    def _ask(self, method: str, path: str) -> int | None:
        """Status of the answer to one request, None if there was none. Proxy settings do not apply."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=5)
        try:
            connection.request(method, path, headers={"Authorization": f"token {self.token}"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


def _write_json(path: Path, content: dict) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    except OSError as error:
        raise CourseError(f"Cannot write {path}: {error.strerror or error}.") from error
