"""What the student's process does to itself, last of all: it gives up what it could still do."""

from __future__ import annotations

import os
import re
import signal
from functools import partial

from autograder.classroom.isolation import landlock, limits, seccomp, syscalls
from autograder.classroom.isolation.layers import Layers
from autograder.classroom.isolation.limits import Bounds
from autograder.classroom.isolation.namespaces import NO_TERMINALS
from autograder.classroom.isolation.readable import HOME
from autograder.classroom.isolation.settings import Settings

#: What is read of a /proc in which others are seen too: nothing about them.
SHARED_PROC = ("/proc/self", *(f"/proc/{name}" for name in ("cpuinfo", "meminfo", "stat", "sys", "version")))
DEVICES = tuple(f"/dev/{name}" for name in ("full", "null", "random", "urandom", "zero"))


def become(given: Settings, bounds: Bounds, layers: Layers) -> None:
    """Put on the layers that need no privileges; after the last one none can be taken off."""
    if not layers.held("pid"):
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    os.chdir(given.work)
    os.environ["HOME"] = os.environ["TMPDIR"] = given.work
    layers.attempt("limits", partial(_limit, bounds, layers.held("user")))
    layers.attempt("privileges", _drop_privileges)
    layers.attempt("landlock", partial(_restrict, given, layers))
    own_view = layers.held("view")
    own_files = not own_view and not layers.held("uid")
    layers.attempt("calls", partial(seccomp.restrict, layers.held("network"), own_view, own_files))


def _limit(bounds: Bounds, own_user: bool) -> None:
    counted_apart = own_user and kernel_version() >= (5, 14)  # before, a user's processes counted everywhere
    limits.apply(bounds, 0 if counted_apart else _processes_of_user())


def kernel_version() -> tuple[int, ...]:
    """The first two numbers of the kernel's version."""
    return tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])


def _drop_privileges() -> None:
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.drop_capabilities()


def _restrict(given: Settings, layers: Layers) -> str:
    if not landlock.version():
        raise OSError("this kernel has no Landlock")
    rules = landlock.Ruleset()
    rules.allow(given.readable, landlock.READ)
    # In a view of its own our folder holds only what may be read; elsewhere the names of submissions too.
    rules.allow([*given.listable, *([HOME] if layers.held("view") else [])], landlock.READ_DIR)
    rules.allow(["/proc"] if layers.held("proc") else SHARED_PROC, landlock.READ)
    rules.allow(DEVICES, landlock.READ_FILE | landlock.IOCTL_DEV)
    rules.allow(["/dev/null"], landlock.READ_FILE | landlock.WRITE_FILE | landlock.IOCTL_DEV)
    if layers.held("mount") and layers["mount"].detail != NO_TERMINALS:
        terminal = landlock.READ_FILE | landlock.READ_DIR | landlock.WRITE_FILE | landlock.IOCTL_DEV
        rules.allow(["/dev/pts", "/dev/ptmx"], terminal)
    rules.allow([given.work], -1)
    if layers.held("mount"):
        rules.allow(["/dev/shm", *(["/tmp"] if given.own_tmp else [])], -1)
    rules.enforce()
    return f"version {landlock.version()}"


def _processes_of_user() -> int:
    count, uid = 0, os.getuid()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == uid:
                    count += len(os.listdir(f"/proc/{entry.name}/task"))
            except OSError:
                continue  # it ended meanwhile
    return count
