"""Processes of this machine: a pool that is made anew when one of them dies, and leaves none behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from multiprocessing import util
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

from autograder.classroom.task import Result, Task
from autograder.classroom.workers import First, Workers, nothing

CLOSE_SECONDS = 5
ENDED = (-signal.SIGTERM, 128 + signal.SIGTERM)  # how a pool ends its other processes when one is gone


class Pool(Workers):
    """Processes of this machine. They start at once, while the caller still reads.

    Parameters
    ----------
    jobs : int
        How many.
    prepare, close : callable
        Called in each process at its begin and end.
    first : callable
        See `Workers`.
    preload : sequence of str
        Modules that all processes share: they are loaded once, in the process that these are forked from.
    """

    def __init__(
        self,
        jobs: int,
        prepare: Callable[[], None],
        close: Callable[[], None],
        first: First = nothing,
        preload: Sequence[str] = (),
    ) -> None:
        self._begin = (prepare, close)
        self._preload = list(preload)
        self._processes: list[BaseProcess] = []
        super().__init__(self._made(jobs), jobs, first)

    def submit(self, grade: Callable[[Task], Result], task: Task) -> Future[Result]:
        """Hand a task to the pool, to a new one if it is broken."""
        try:
            future = super().submit(grade, task)
        except BrokenExecutor as error:
            self.lost(error, self.generation)
            future = super().submit(grade, task)
        self._processes = multiprocessing.active_children() or self._processes
        return future

    def lost(self, error: BaseException, generation: int) -> str:
        """Say how the process ended, and make a new pool if that is not done yet."""
        if generation != self.generation:
            return "without saying why"
        how = self._how_it_ended()
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._use(self._made(self.slots))
        self.generation += 1
        self.check()
        return how

    def close(self, *, now: bool = False) -> None:
        """End the pool; with `now`, or if it is still warming up, without waiting for what it does."""
        now = now or not self._ready.done()
        running = multiprocessing.active_children() if now else []
        self._executor.shutdown(wait=not now, cancel_futures=True)
        for process in running:
            process.terminate()
        for process in running:
            process.join(CLOSE_SECONDS)
            process.kill()

    def _made(self, jobs: int) -> ProcessPoolExecutor:
        # Never a fork of the main process: it holds the gradebook's connection and the class's secret.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(self._preload)
        pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=self._begin)
        for _ in range(jobs):
            pool.submit(nothing)  # starts a process each
        return pool

    def _how_it_ended(self) -> str:
        codes = [process.exitcode for process in self._processes]
        told = [code for code in codes if code and code not in ENDED]
        if not told:
            return "without saying why"
        return f"exit status {told[0]}" if told[0] > 0 else signal.Signals(-told[0]).name


def _begin(prepare: Callable[[], None], close: Callable[[], None]) -> None:
    os.setsid()  # Ctrl-C in the terminal is for the main process, which ends the run in order
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    util.Finalize(None, close, exitpriority=100)

    def end(number: int, frame: Any) -> None:
        close()  # a pool that ends or breaks ends its processes with this signal
        os._exit(128 + number)

    signal.signal(signal.SIGTERM, end)
    import autograder.classroom.quick  # noqa: F401  # before nbformat

    prepare()


def _end_with_parent() -> None:
    """End this process and what it started if the main process is killed; a pool would wait for ever."""
    parent: Any = multiprocessing.parent_process()
    wait([parent.sentinel])
    os.killpg(os.getpgid(0), signal.SIGKILL)
