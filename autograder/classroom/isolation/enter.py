"""Entering isolation: what a fresh fork of the warmed process does before it runs a student's code.

Three processes come of it. The caller's stays outside and only waits. Its child is the first process of
the new PID namespace: it waits for all others in it, and when it ends, or is killed, they all end. Its
child is the student's process; `enter` returns there, and nowhere else.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from autograder.classroom.isolation import landlock, limits, namespaces, settings, syscalls
from autograder.classroom.isolation.layers import ALL, LAYERS, Layer
from autograder.classroom.isolation.limits import Bounds, Limits

MOST_DESCRIPTORS = 1 << 20  # higher than any that is open
Step = Callable[[], str | None]  # puts on a layer; may return a detail


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
    settings.load()


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
    if isinstance(bounds, Mapping):
        bounds = Limits(**{name: bounds[name] for name in Limits.__dataclass_fields__})
    given = settings.load()
    wanted = set(layers_wanted) & set(given.wanted)
    report = {name: Layer(name, False, "" if name in wanted else "not wanted") for name in LAYERS}
    for name, reason in (("view", given.view), ("uid", given.uid)):
        report[name] = Layer(name, not reason, reason)
    _leave_namespaces(wanted, report)
    go, told = os.pipe()
    alive, holding = os.pipe()
    first = os.fork()
    if first:
        _announce_and_wait(first, announce, told, holding)
    try:
        os.close(holding)
        os.close(told)
        _become_first(alive, report["pid"].held)
        _try(report, wanted, "mount", partial(namespaces.mount_own, given.work, bounds), report["mount"].held)
        _try(report, wanted, "network", namespaces.raise_loopback, report["network"].held)
        if not os.read(go, 1):
            os._exit(1)
        os.close(go)
        student = os.fork()
        if student:
            _reap()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os.close(alive)
    _become_student(given, bounds, wanted, report)
    return Entered(given.work, tuple(report.values()))


def _leave_namespaces(wanted: Collection[str], report: dict[str, Layer]) -> None:
    refused = namespaces.refused()
    for name in namespaces.NAMESPACES:
        if name in wanted:
            if "user" not in wanted or "user" in refused:
                report[name] = Layer(name, False, refused.get("user", "needs a user namespace"))
            else:
                report[name] = Layer(name, name not in refused, refused.get(name, ""))
    namespaces.leave([name for name in namespaces.NAMESPACES if report[name].held])


def _try(
    report: dict[str, Layer], wanted: Collection[str], name: str, step: Step, possible: bool = True
) -> None:
    """Put on a layer if it is wanted and possible, and report how that went."""
    if name not in wanted or not possible:
        return
    try:
        report[name] = Layer(name, True, step() or "")
    except (OSError, ValueError) as error:
        report[name] = Layer(name, False, str(error))


def _announce_and_wait(first: int, announce: Callable[[int], object], told: int, holding: int) -> NoReturn:
    """Outside: say who is to be watched, hold nothing but the lifeline, and end with the others."""
    status = 1
    try:
        announce(first)
        os.write(told, b"!")
        os.dup2(holding, 3)
        os.closerange(4, MOST_DESCRIPTORS)  # the grader's connections are the student's alone
        _, waited = os.waitpid(first, 0)
        status = os.waitstatus_to_exitcode(waited) & 0xFF
    except BaseException:
        traceback.print_exc()
        os.kill(first, signal.SIGKILL)
    finally:
        os._exit(status)


def _become_first(alive: int, own_pids: bool) -> None:
    """Be the process with which all others end: deaf to signals, closed to tracing, on a lifeline."""
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    if not own_pids:
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    os.set_blocking(alive, False)
    try:
        if os.read(alive, 1) == b"":
            os._exit(1)  # the process outside ended before it could take this one with it
    except BlockingIOError:
        pass


def _reap() -> NoReturn:
    """Wait for whoever ends, and end with the last one."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        try:
            signal.signal(number, signal.SIG_IGN)
        except OSError:
            continue  # numbers that the C library keeps for itself
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    os.closerange(0, MOST_DESCRIPTORS)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            os._exit(0)


def _become_student(
    given: settings.Settings, bounds: Bounds, wanted: Collection[str], report: dict[str, Layer]
) -> None:
    if not report["pid"].held:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    os.chdir(given.work)
    others = 0 if report["user"].held else _processes_of_user()
    _try(report, wanted, "limits", partial(limits.apply, bounds, others))
    _try(report, wanted, "privileges", _drop_privileges)
    _try(report, wanted, "landlock", partial(_restrict, given, report["mount"].held))


def _drop_privileges() -> None:
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.drop_capabilities()


def _restrict(given: settings.Settings, own_proc: bool) -> str:
    if not landlock.version():
        raise OSError("this kernel has no Landlock")
    rules = landlock.Ruleset()
    rules.allow(given.readable, landlock.READ)
    rules.allow(given.listable, landlock.READ_DIR)
    proc = (
        ["/proc"] if own_proc else ["/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys"]
    )
    rules.allow(proc, landlock.READ)
    devices = [f"/dev/{name}" for name in ("full", "null", "random", "urandom", "zero")]
    rules.allow(devices, landlock.READ | landlock.IOCTL_DEV)
    rules.allow(["/dev/null"], landlock.READ | landlock.WRITE_FILE | landlock.IOCTL_DEV)
    rules.allow([given.work, *(["/tmp", "/dev/shm"] if own_proc else [])], -1)
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
