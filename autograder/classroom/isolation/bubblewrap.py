"""bubblewrap's part: a file system that shows only what lessons need, read-only."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from autograder.classroom.isolation.view import TOP

WORK = "/submission"  # no system has it, so that nothing that may be read lies below it
TRY_SECONDS = 20


@cache
def found() -> tuple[str, str]:
    """Where bubblewrap is, and if there is none that works, why not. Tried once."""
    program = shutil.which("bwrap")
    if program is None:
        return "", "bubblewrap is not installed"
    probe = [program, *_base(1 << 20), "--ro-bind", "/", "/", "--bind", "/proc", "/proc", "--", "/bin/true"]
    try:
        run = subprocess.run(probe, capture_output=True, text=True, timeout=TRY_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"bubblewrap does not run: {error}"
    if run.returncode:
        return "", run.stderr.strip() or f"bubblewrap ended with {run.returncode}"
    return program, ""


def wrapped(program: str, readable: Sequence[Path], work_bytes: int) -> list[str]:
    """The command line up to the program that is to run inside.

    Notes
    -----
    /proc is bound: with bubblewrap's own (``--proc``), whose parts are covered, the kernel refuses the fresh
    one that each student's process mounts.
    """
    arguments = [program, *_base(work_bytes)]
    # Made here because those that it makes itself are closed to all but their owner.
    above = dict.fromkeys(parent for path in readable for parent in reversed(path.parents))
    for folder in above:
        if folder.parent != folder:
            arguments += ["--perms", "0755", "--dir", str(folder)]
    for path in readable:
        text = str(path)
        if text in TOP and path.is_symlink():
            arguments += ["--symlink", os.readlink(path), text]
        else:
            arguments += ["--ro-bind", text, text]
    arguments += ["--bind", "/proc", "/proc", "--chdir", WORK, "--"]
    return arguments


def _base(work_bytes: int) -> list[str]:
    arguments = ["--new-session", "--unshare-ipc", "--unshare-net", "--unshare-uts"]
    if os.geteuid() == 0:
        arguments += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    for folder in ("/tmp", WORK):
        arguments += ["--size", str(work_bytes), "--perms", "1777", "--tmpfs", folder]
    return [*arguments, "--dev", "/dev"]
