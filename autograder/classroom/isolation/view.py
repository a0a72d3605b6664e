"""A read-only file system of what a student may see, for where bubblewrap has not made one."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from autograder.classroom.isolation import syscalls
from autograder.classroom.isolation.syscalls import MS_BIND, MS_NODEV, MS_NOSUID, MS_PRIVATE, MS_REC, mount

TOP = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")  # links into /usr on most systems
DEVICES = ("full", "null", "random", "urandom", "zero")
LINKS = {
    "ptmx": "pts/ptmx",
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}
READ_ONLY_BELOW = (-100, 0x8000, 0x1 | 0x2)  # here, with all below; read-only, and no set-user-id


def build(work: str, readable: Iterable[str]) -> str:
    """Put together what may be read, on top of the work folder, and return where; `switch` makes it the root.

    In between, the caller mounts what may be written. Called by the first process of new namespaces.
    """
    mount("", "/", "", MS_REC | MS_PRIVATE)
    mount("view", work, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=4m")
    for folder in ("/dev/pts", "/dev/shm", "/proc", "/tmp", work):
        os.makedirs(work + folder, exist_ok=True)
    for path in (*readable, *(f"/dev/{device}" for device in DEVICES)):
        _show(path, Path(work + path))
    for name, target in LINKS.items():
        os.symlink(target, f"{work}/dev/{name}")
    here, below, attributes = READ_ONLY_BELOW
    wanted = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    syscalls.call("mount_setattr", here, work.encode(), below, wanted, ctypes.sizeof(wanted))
    return work


def switch(root: str) -> None:
    """Make it the root of all processes here, and let go of the one before."""
    os.chdir(root)
    syscalls.call("pivot_root", b".", b".")  # the old root now lies above the new one
    syscalls.detach(".")
    os.chdir("/")


def _show(path: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if path in TOP and os.path.islink(path):
        target.symlink_to(os.readlink(path))
        return
    if os.path.isdir(path):
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    mount(path, str(target), "", MS_BIND | MS_REC)
