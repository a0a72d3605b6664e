"""Where tasks run: an executor that is made anew when one of its processes dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from multiprocessing import util
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

from autograder.classroom.errors import GradingError
from autograder.classroom.isolation import IsolationError
from autograder.classroom.task import Result, Task

CLOSE_SECONDS = 5
START_SECONDS = 120  # importing torch on a busy machine takes a while


def nothing() -> tuple[str, ...]:
    """The smallest task: it is done once a process is prepared."""
    return ()


class Workers:
    """An executor with what the loop has to know of it.

    Parameters
    ----------
    make : callable
        Makes the executor; called again after a process of it died.
    slots : int
        How many tasks it runs at once.
    died : tuple of exception types
        What a future raises whose process ended, in addition to `BrokenExecutor`.
    first : callable
        The first task of a process, done when it is ready. It says which layers of isolation hold.

    Attributes
    ----------
    said : tuple of str
        What the first task said.
    generation : int
        Raised whenever the executor is made anew.
    """

    def __init__(
        self,
        make: Callable[[], Executor],
        slots: int,
        died: Sequence[type[BaseException]] = (),
        first: Callable[[], tuple[str, ...]] = nothing,
    ) -> None:
        self.said: tuple[str, ...] = ()
        self._first = first
        self.slots = slots
        self.died: tuple[type[BaseException], ...] = (BrokenExecutor, CancelledError, *died)
        self.generation = 0
        self._make = make
        self._start()
        self._processes: list[BaseProcess] = []

    def submit(self, grade: Callable[[Task], Result], task: Task) -> Future[Result]:
        """Hand a task to the executor, to a new one if it is broken."""
        try:
            future = self._executor.submit(grade, task)
        except BrokenExecutor:
            self.rebuild()
            future = self._executor.submit(grade, task)
        self._processes = multiprocessing.active_children() or self._processes
        return future

    def how_it_ended(self) -> str:
        """How the process that broke the pool ended, as far as it can be told."""
        codes = [process.exitcode for process in self._processes]
        # The others are ended with SIGTERM when one is gone.
        told = [code for code in codes if code not in (None, 0, -signal.SIGTERM, 128 + signal.SIGTERM)]
        if not told or told[0] is None:
            return "without saying why"
        if told[0] > 0:
            return f"exit status {told[0]}"
        return signal.Signals(-told[0]).name

    def rebuild(self) -> None:
        """Make a new executor, and see that it works.

        Raises
        ------
        GradingError
            If its processes do not even start.
        """
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._start()
        self.generation += 1
        self.check()

    def check(self) -> None:
        """Wait until a process is ready, and keep what it says of itself.

        Raises
        ------
        GradingError
            If none starts, or it cannot isolate what it runs.
        """
        try:
            self.said = self._ready.result(START_SECONDS)
        except TimeoutError as error:
            raise GradingError(f"No grading process was ready within {START_SECONDS} seconds.") from error
        except self.died as error:
            raise GradingError(
                f"The grading processes end as soon as they start; what one said stands above. ({error})"
            ) from error
        except IsolationError as error:
            raise GradingError(str(error)) from error

    def close(self, *, now: bool = False) -> None:
        """End the executor; with `now`, or if it is still warming up, without waiting for what it does."""
        now = now or not self._ready.done()
        running = multiprocessing.active_children() if now and self._is_local else []
        self._executor.shutdown(wait=not now, cancel_futures=True)
        for process in running:
            process.terminate()
        for process in running:
            process.join(CLOSE_SECONDS)
            process.kill()

    def _start(self) -> None:
        self._executor = self._make()
        self._ready = self._executor.submit(self._first)  # before any task that could end its process

    @property
    def _is_local(self) -> bool:
        return isinstance(self._executor, ProcessPoolExecutor)


def as_workers(executor: Workers | Executor) -> Workers:
    """Any executor as `Workers`; one that breaks is not made anew, and the run ends."""
    if isinstance(executor, Workers):
        return executor
    return Workers(lambda: executor, int(getattr(executor, "_max_workers", 1)))


def local(
    jobs: int,
    prepare: Callable[[], None],
    close: Callable[[], None],
    first: Callable[[], tuple[str, ...]] = nothing,
) -> Workers:
    """Processes of this machine. They start at once, while the caller still reads.

    Parameters
    ----------
    jobs : int
    prepare, close : callable
        Called in each process at its begin and end.
    first : callable
        See `Workers`.
    """
    # Never a fork of the main process: it holds the gradebook's connection and the class's secret.
    context = multiprocessing.get_context("forkserver")

    def make() -> Executor:
        pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(prepare, close))
        for _ in range(jobs):
            pool.submit(nothing)  # starts a process each
        return pool

    return Workers(make, jobs, first=first)


def _begin(prepare: Callable[[], None], close: Callable[[], None]) -> None:
    os.setsid()  # Ctrl-C in the terminal is for the main process, which ends the run in order
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    util.Finalize(None, close, exitpriority=100)

    def end(number: int, frame: Any) -> None:
        close()  # a pool that ends or breaks ends its processes with this signal
        os._exit(128 + number)

    signal.signal(signal.SIGTERM, end)
    prepare()


def _end_with_parent() -> None:
    """End this process and what it started if the main process is killed; a pool would wait for ever."""
    parent: Any = multiprocessing.parent_process()
    wait([parent.sentinel])
    os.killpg(os.getpgid(0), signal.SIGKILL)
