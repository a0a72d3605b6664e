"""Warmed processes for tests, and other users to be."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("isolation is for Linux", allow_module_level=True)

sys.path.insert(0, str(Path(__file__).parent))

from isolated_rooms import ORDINARY, Room

from autograder.classroom.isolation import ALL, IsolationError, namespaces
from autograder.classroom.isolation.readable import HOME, PARTS


@pytest.fixture(scope="session")
def rooms():
    """Start warmed processes, one for each set of layers."""
    started = {}

    def room(without=()):
        key = frozenset(without)
        if key not in started:
            try:
                started[key] = Room(ALL - key)
            except IsolationError as error:
                pytest.skip(str(error))
        return started[key]

    yield room
    for one in started.values():
        one.close()


@pytest.fixture(scope="session")
def room(rooms):
    """A warmed process with all layers that this system has."""
    return rooms()


@pytest.fixture(scope="session")
def with_namespaces():
    """Skip where user namespaces, or one of those in them, cannot be had."""
    refused = namespaces.refused()
    if refused:
        pytest.skip(f"no namespaces here: {refused}")


@pytest.fixture(scope="session")
def copy():
    """What isolation needs of our packages, and a file that it hides, where every user can read it."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="copy-") as name:
        folder = Path(name)
        for part in (*PARTS, "autograder/judge.py"):
            source, target = HOME / part, folder / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        for helper in ("isolated_rooms.py", "student_room.py"):
            shutil.copy(Path(__file__).with_name(helper), folder)
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        yield folder


@pytest.fixture
def as_user(copy, tmp_path):
    """Run the start-up attacks as root or as an ordinary user, with bubblewrap or without; what came of them."""

    def run(uid, bubblewrap, without=()):
        if uid != os.getuid() and os.getuid() != 0:
            pytest.skip("only root can become another user")
        python = reachable_python()
        if python is None and not (uid == os.getuid() and (bubblewrap or uid)):
            pytest.skip("no Python 3.11 that every user can reach")
        path = "/usr/local/bin:/usr/bin:/bin"
        if bubblewrap and shutil.which("bwrap", path=path) is None:
            pytest.skip("bubblewrap is not installed")
        ids = {"user": uid, "group": uid, "extra_groups": []} if os.getuid() == 0 else {}
        done = subprocess.run(
            [python or sys.executable, "-B", copy / "isolated_rooms.py", *without],
            env={
                "PATH": path if bubblewrap else "/nowhere",
                "PYTHONPATH": str(copy),
                "MARKED": "not for students",
            },
            cwd="/tmp",
            capture_output=True,
            text=True,
            check=False,
            **ids,
        )
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout.splitlines()[-1])
        assert told["uid"] == uid
        return told

    return run


def reachable_python():
    """A Python in which another user can start; None if there is none."""
    for path in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        ok = "import sys; sys.exit(sys.version_info < (3, 11))"
        ids = {"user": ORDINARY, "group": ORDINARY, "extra_groups": []} if os.getuid() == 0 else {}
        try:
            if subprocess.run([path, "-c", ok], env={}, cwd="/", check=False, **ids).returncode == 0:
                return path
        except OSError:
            continue
    return None
