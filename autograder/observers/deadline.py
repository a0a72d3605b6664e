"""Stop an answer that runs too long, on every platform."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

AGAIN = 0.5  # seconds after which a swallowed stop is repeated
#: Seconds after which an import is interrupted, too. Until then it is spared: torch loads parts of itself at
#: their first use (its optimizers take seconds on a busy machine), and half a module would stay behind for
#: the rest of the session.
IMPORT_PATIENCE = 60.0


_cpu = False


def count_cpu_time() -> None:
    """From now on limits are CPU time of this process, where there is a timer for it.

    For a process whose wall time somebody else limits: on a busy machine an answer may wait for long.
    """
    global _cpu
    _cpu = True


class OutOfTime(BaseException):
    """The answer ran past its limit.

    A BaseException, because ``except Exception`` in an answer would swallow anything less.
    """


@contextlib.contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Raise `OutOfTime` in the calling thread when the block runs longer than `seconds`.

    Where it can, this uses an interval timer, which also interrupts a sleep; elsewhere (Windows,
    or outside the main thread) an exception is scheduled in the thread, which takes effect at its
    next Python instruction. The alarm is repeated, so that one swallowed exception does not lift
    the limit. If it finds an import under way, the block gets its time anew.
    """
    if seconds is None:
        yield
    elif hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        with _alarm(seconds):
            yield
    else:
        with _scheduled_exception(seconds):
            yield


class _Imports:
    """Whether the block is importing something, beyond what was being imported when it began."""

    def __init__(self) -> None:
        self._before = self._count(sys._getframe())
        self._patience = time.monotonic() + IMPORT_PATIENCE

    def spared(self, frame: FrameType | None) -> bool:
        """Whether an import is under way in the stack that ends in `frame`, and has not lasted too long."""
        return self._count(frame) > self._before and time.monotonic() < self._patience

    @staticmethod
    def _count(frame: FrameType | None) -> int:
        count = 0
        while frame is not None:
            count += frame.f_code.co_filename == "<frozen importlib._bootstrap>"
            frame = frame.f_back
        return count


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    running, imports = True, _Imports()
    timer, bell = (signal.ITIMER_PROF, signal.SIGPROF) if _cpu else (signal.ITIMER_REAL, signal.SIGALRM)

    def ring(signum: int, frame: FrameType | None) -> None:
        if not running:
            return
        if imports.spared(frame):
            signal.setitimer(timer, seconds, AGAIN)
            return
        raise OutOfTime

    started = time.monotonic()
    handler = signal.signal(bell, ring)
    left, interval = signal.setitimer(timer, seconds, AGAIN)
    try:
        yield
    finally:
        running = False  # first: a bell during the next lines must not keep them from happening
        # Somebody else's timer (a test runner's, say) goes on, with what is left of it.
        left = max(left - (time.monotonic() - started), 1e-3) if left else 0.0
        signal.setitimer(timer, 0)
        signal.signal(bell, handler or signal.SIG_DFL)
        signal.setitimer(timer, left, interval)


@contextlib.contextmanager
def _scheduled_exception(seconds: float) -> Iterator[None]:
    watched, imports = threading.get_ident(), _Imports()
    thread = ctypes.c_ulong(watched)
    set_exception = ctypes.pythonapi.PyThreadState_SetAsyncExc
    over = threading.Event()
    lock = threading.Lock()

    def watch() -> None:
        pause = seconds
        while not over.wait(pause):
            if imports.spared(sys._current_frames().get(watched)):
                pause = seconds
                continue
            with lock:
                if not over.is_set():
                    set_exception(thread, ctypes.py_object(OutOfTime))
            pause = AGAIN

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        # An exception that was scheduled strikes at the next call, so at the latest in here. Cancelling
        # it instead would leave CPython 3.11 with a flag that hangs the next profiled function.
        while True:
            try:
                with lock:
                    over.set()
                break
            except OutOfTime:
                continue
        watcher.join()
