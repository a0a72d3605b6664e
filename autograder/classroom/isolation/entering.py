"""Entering isolation: what a fresh fork of the warmed process does before it runs a student's code.

Three processes come of it. The caller's stays outside and only waits. Its child is the first process of
the new PID namespace: it waits for all others in it, and when it ends, or is killed, they all end. Its
child is the student's process; `enter` returns there, and nowhere else.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, NoReturn

from autograder.classroom.isolation import landlock, namespaces, settings, student, syscalls, view
from autograder.classroom.isolation.layers import ALL, LAYERS, Layer, Layers
from autograder.classroom.isolation.limits import Bounds, Limits
from autograder.classroom.isolation.settings import Settings

MOST_DESCRIPTORS = 1 << 20  # higher than any that is open


@dataclass(frozen=True)
class Entered:
    """Where the student's process is.

    Parameters
    ----------
    work : str
        Its folder, and the current one.
    layers : tuple of Layer
        All layers: those that hold, and those that are missing with the reason.
    """

    work: str
    layers: tuple[Layer, ...]


def prepare() -> None:
    """Find out once, in the warmed process, what every fork of it would have to find out."""
    namespaces.refused()
    landlock.version()
    import_module("resource")  # of Unix only


def enter(
    bounds: Bounds | Mapping[str, Any],
    *,
    announce: Callable[[int], object] = lambda pid: None,
    layers_wanted: Collection[str] = ALL,
) -> Entered:
    """Isolate the student's process, which is forked here and is the only one that returns.

    Parameters
    ----------
    bounds : Bounds or mapping
        What all processes of the student may take.
    announce : callable
        Told the id of the process that `Watch` takes, as the outside sees it, before any of the student's
        code runs. It is called in the calling process, which never returns.
    layers_wanted : collection of str
        Layers to leave out are for tests, and for whoever knows why.

    Notes
    -----
    The calling process must be a fresh fork with a single thread. Each layer is put on independently: one
    that is refused is reported and the others are put on all the same.
    """
    parent = os.getppid()
    if isinstance(bounds, Mapping):
        bounds = Limits(**{name: bounds[name] for name in Limits.__dataclass_fields__})
    given = settings.load()
    if given.lifeline >= 0:
        os.close(given.lifeline)
    layers = Layers(set(layers_wanted) & set(given.wanted))
    for name, reason in (("view", given.view), ("uid", given.uid)):
        layers.report(name, reason)
    refused = namespaces.refused()
    for name in layers.wanted.intersection(namespaces.NAMESPACES):
        needs = "" if "user" in layers.wanted else "needs a user namespace"
        layers.report(name, needs or refused.get("user", "") or refused.get(name, ""))
    namespaces.leave([name for name in namespaces.NAMESPACES if layers.held(name)])
    # After the change of credentials, which would undo it: end with the warmed process.
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    # A folder for the case that memory cannot be mounted; the watch finds it by the process outside.
    scratch = tempfile.mkdtemp(prefix=namespaces.SCRATCH, dir=given.work)
    os.chdir(scratch)
    ready, mounted = os.pipe()
    go, told = os.pipe()
    first = os.fork()
    if first:
        os.close(mounted)
        os.close(go)
        _stay_outside(first, announce, ready, told, scratch)
    try:
        os.close(told)
        os.close(ready)
        _become_first(layers.held("pid"))
        _furnish(given, bounds, layers)
        os.write(mounted, b"!")
        if not os.read(go, 1):
            os._exit(1)  # the process outside ended before it could take this one with it
        os.close(go)
        os.close(mounted)
        # Before there is anybody who could look into this process, not after.
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
        if os.fork():
            _reap()
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)  # or the student's process could not look into itself
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    if not layers.held("mount"):
        given = replace(given, work=scratch)
    student.become(given, bounds, layers)
    return Entered(given.work, tuple(layers[name] for name in LAYERS))


def _stay_outside(
    first: int, announce: Callable[[int], object], ready: int, told: int, scratch: str
) -> NoReturn:
    """Say who is to be watched, hold nothing that a student's process has, and end with the others."""
    status = 1
    try:
        if os.read(ready, 1):
            announce(first)
            os.write(told, b"!")
            os.closerange(3, MOST_DESCRIPTORS)  # the grader's connections end with the student's processes
        _, waited = os.waitpid(first, 0)
        status = os.waitstatus_to_exitcode(waited) & 0xFF
        # By way of the current folder: its path may lead to what was mounted over it.
        shutil.rmtree(os.path.join("..", os.path.basename(scratch)), ignore_errors=True)
    except BaseException:
        traceback.print_exc()
        os.kill(first, signal.SIGKILL)
    finally:
        os._exit(status)


def _become_first(own_pids: bool) -> None:
    """Be the process with which all others end, and end with the one outside."""
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    if not own_pids:
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)


def _furnish(given: Settings, bounds: Bounds, layers: Layers) -> None:
    """Mount what the student's processes see and write, and bring up their network."""
    if layers.held("network"):
        layers.attempt("network", namespaces.raise_loopback)
    if not layers.held("mount"):
        return
    if "view" in layers.wanted and not layers.held("view"):
        layers.attempt("view", lambda: _own_view(given, bounds, layers))
        if layers.held("view"):
            return
    layers.attempt("mount", lambda: namespaces.mount_own(given.work, bounds, tmp=given.own_tmp))
    layers.attempt("proc", namespaces.mount_proc)


def _own_view(given: Settings, bounds: Bounds, layers: Layers) -> str:
    root = view.build(given.work, given.readable)
    layers["mount"] = Layer("mount", True, namespaces.mount_own(given.work, bounds, root, tmp=given.own_tmp))
    layers.attempt("proc", lambda: namespaces.mount_proc(root))
    view.switch(root)
    return "mounted for each notebook"


def _reap() -> NoReturn:
    """Be deaf to signals and closed to tracing, wait for whoever ends, and end with the last one."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        try:
            signal.signal(number, signal.SIG_IGN)
        except OSError:
            continue  # numbers that the C library keeps for itself
    os.closerange(0, MOST_DESCRIPTORS)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            os._exit(0)
