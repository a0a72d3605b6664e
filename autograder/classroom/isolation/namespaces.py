"""Namespaces: a process that sees no other processes, networks, segments, and writes to memory only."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
from collections.abc import Collection
from functools import cache
from pathlib import Path

from autograder.classroom.isolation import syscalls
from autograder.classroom.isolation.limits import Bounds
from autograder.classroom.isolation.syscalls import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_REC, mount

FLAGS = {
    "pid": syscalls.CLONE_NEWPID,
    "network": syscalls.CLONE_NEWNET,
    "ipc": syscalls.CLONE_NEWIPC,
    "mount": syscalls.CLONE_NEWNS,
}
NAMESPACES = ("user", *FLAGS)
WORK_SOURCE, SHARED_SOURCE = "student-work", "student-shared"  # by these the watch finds them
NO_TERMINALS = "no terminals"
SCRATCH = "scratch-"  # how the name of a work folder begins that is no memory of its own
TCP_BYTES = 212_992  # of a connection's buffers, in each direction: as a socket of another kind has
MOST_FILES = 65_536  # in the work folder: each one takes memory of the kernel's, however empty


@cache
def refused() -> dict[str, str]:
    """The namespaces that this process cannot have, with the reason. Tried once, in a fork.

    A system may refuse user namespaces (then none is to be had), or give them without any privileges
    inside. After the attempt there is no way back, so that it is not made in the process itself.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, json.dumps(_attempt()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as file:
        answer = file.read()
    os.waitpid(pid, 0)
    return json.loads(answer or '{"user": "the attempt ended without an answer"}')


def _attempt() -> dict[str, str]:
    reasons: dict[str, str] = {}
    try:
        _new_user()
    except OSError as error:
        return dict.fromkeys(NAMESPACES, str(error))
    for name, flag in FLAGS.items():
        try:
            syscalls.unshare(flag)
        except OSError as error:
            reasons[name] = str(error)
    # Without privileges inside, the user namespace is worth nothing.
    return dict(reasons, user="no privileges inside") if len(reasons) == len(FLAGS) else reasons


def leave(names: Collection[str]) -> None:
    """Leave the named namespaces; the new process ids begin with the next fork.

    Must be called in a process with a single thread.
    """
    if "user" in names:
        _new_user()
        flags = 0
        for name in names:
            flags |= FLAGS.get(name, 0)
        syscalls.unshare(flags)


def _new_user() -> None:
    uid, gid = os.geteuid(), os.getegid()
    syscalls.unshare(syscalls.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def raise_loopback() -> None:
    """Bring up the new network's only interface, and keep its connections from buffering megabytes."""
    import fcntl  # of Unix only

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up_and_running = 0x41
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh22x", b"lo", up_and_running))  # SIOCSIFFLAGS
    for name in ("tcp_rmem", "tcp_wmem"):  # a container may not let it be written
        with contextlib.suppress(OSError):
            Path(f"/proc/sys/net/ipv4/{name}").write_text(f"4096 16384 {TCP_BYTES}")


def mount_own(work: str, bounds: Bounds, root: str = "", *, tmp: bool = True) -> str:
    """Mount memory on the work folder, /dev/shm and, if asked to, /tmp; terminals of its own on /dev/pts.

    The work folder and /tmp share one quota. Called by the first process of the new namespaces, which may
    be building its file system at `root`. Returns what could be done without.
    """
    folders = []
    for source, target, size in (
        (WORK_SOURCE, root + work, bounds.work_bytes),
        (SHARED_SOURCE, f"{root}/dev/shm", bounds.shared_bytes),
    ):
        options = f"mode=0700,size={size},nr_inodes={MOST_FILES}"
        mount(source, target, "tmpfs", MS_NOSUID | MS_NODEV, options)
    for name in ("tmp", "work"):
        os.mkdir(f"{root}{work}/{name}", 0o700)
        folders.append(os.open(f"{root}{work}/{name}", os.O_PATH))
    # By descriptor: the first of these two may cover the path of the second.
    for folder, target in zip(folders, (f"{root}/tmp", root + work), strict=True):
        if tmp or target == root + work:
            os.makedirs(target, exist_ok=True)
            mount(f"/proc/self/fd/{folder}", target, "", MS_BIND)
        os.close(folder)
    try:  # commands in notebooks run in one; others' must not be reached
        mount(
            "devpts",
            f"{root}/dev/pts",
            "devpts",
            MS_NOSUID | MS_NOEXEC,
            "newinstance,ptmxmode=0666,mode=0600",
        )
    except OSError:
        return NO_TERMINALS
    return ""


def mount_proc(root: str = "") -> None:
    """Mount a /proc that shows this PID namespace only; in a file system that is being built, at least any.

    The kernel refuses a fresh one where parts of the old one are covered, as containers do.
    """
    try:
        mount("proc", f"{root}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except OSError:
        if root:
            mount("/proc", f"{root}/proc", "", MS_BIND | MS_REC)
        raise
    with contextlib.suppress(OSError):  # older kernels do not let it be written here
        Path(f"{root}/proc/sys/user/max_user_namespaces").write_text("0")
