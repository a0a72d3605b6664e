"""nbgrader's formgrader on a course folder, in a Jupyter server of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE, TOKEN, MATHJAX = "127.0.0.1", "only-for-this-test", "cdnjs.cloudflare.com"
#: Tests use no network, and formgrader's scripts do not start without MathJax.
STAND_IN = """window.MathJax = {Hub: {
    Config() {}, Configured() {}, Queue() {}, Startup: {signal: {Interest(told) { told("End"); }}},
}};"""
SECONDS = 60.0


@dataclass(frozen=True)
class Formgrader:
    """A running formgrader."""

    url: str

    def submission(self, student: str, assignment: str, notebook: str) -> str:
        """The address of the page on which a person grades a submission."""
        listed = f"{self.url}/api/submitted_notebooks/{assignment}/{notebook}?token={TOKEN}"
        found = {one["student"]: one["id"] for one in _asked(listed)}
        return f"{self.url}/submissions/{found[student]}/"


@contextmanager
def formgrader(root: Path, home: Path) -> Iterator[Formgrader]:
    """Run formgrader on the course at `root`."""
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        port = probe.getsockname()[1]
    outside = ("JUPYTER", "XDG_", "COURSE_", "PYTEST_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(outside)} | {"HOME": str(home)}
    extension = str({"nbgrader.server_extensions.formgrader": True})
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root", f"--port={port}"),
            *(f"--ServerApp.token={TOKEN}", f"--ServerApp.jpserver_extensions={extension}"),
        ],
        cwd=root,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Formgrader(f"http://{HERE}:{port}/formgrader")
    finally:
        server.terminate()
        server.wait(timeout=20)


def _asked(url: str) -> list[dict]:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
