"""Tasks out to an executor, results back in the order in which they are done: few at a time, none lost."""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from autograder.classroom.errors import GradingError
from autograder.classroom.isolation import IsolationError
from autograder.classroom.task import Result, Submission, Task
from autograder.classroom.workers import Workers

GLANCE = 0.2  # seconds between two looks at whether Ctrl-C was pressed


@dataclass
class Job:
    """A submission on its way.

    Attributes
    ----------
    folder : str
        The name of the folder that it is read from.
    generation : int
        Which executor it was handed to.
    alone : bool
        Whether this is its second try, with nothing beside.
    """

    folder: str
    submission: Submission
    generation: int = 0
    alone: bool = False


@dataclass(frozen=True)
class Failure:
    """Nothing came back; the sentence says why."""

    text: str


@dataclass
class Dispatcher:
    """Keeps an executor busy with a bounded number of submissions in memory.

    A process that dies may have died of any submission that was in it: each of them is tried once more,
    with nothing beside. So is one that ran into the wall clock, because the machine may have been busy.

    Attributes
    ----------
    grade : callable
        What is done with a task, in another process.
    task : callable
        Makes the task of a job; called again for a second try.
    """

    workers: Workers
    grade: Callable[[Task], Result]
    task: Callable[[Job], Task]

    def __post_init__(self) -> None:
        self.stopping = False
        self._again: deque[Job] = deque()
        self._pending: dict[Future[Result], Job] = {}

    def results(self, jobs: Iterator[Job]) -> Iterator[tuple[Job, Result | Failure]]:
        """Yield each job with what came of it; after Ctrl-C only what is there already.

        Raises
        ------
        GradingError
            If the executor's processes do not start, or cannot isolate what they run.
        """
        room = 2 * self.workers.slots
        checked = False
        while not self.stopping:
            while len(self._pending) < room and not self.stopping and (job := next(jobs, None)):
                self._submit(job)
            if not self._pending:
                break
            if not checked:
                self.workers.check()
                checked = True
            yield from self._done()
        while self._again and not self.stopping:
            job = self._again.popleft()
            job.alone = True
            self._submit(job)
            while self._pending and not self.stopping:
                yield from self._done()
        for future, job in self._pending.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                yield job, future.result()
            future.cancel()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Ctrl-C ends the run in order; pressed twice, at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(number: int, frame: Any) -> None:
            if self.stopping:
                raise KeyboardInterrupt
            self.stopping = True

        before = signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _submit(self, job: Job) -> None:
        future = self.workers.submit(self.grade, self.task(job))
        # Its files are in the task now; a second try reads them again.
        job.submission = Submission(
            job.submission.student,
            job.submission.assignment,
            timestamp=job.submission.timestamp,
            digest=job.submission.digest,
        )
        job.generation = self.workers.generation
        self._pending[future] = job

    def _done(self) -> Iterator[tuple[Job, Result | Failure]]:
        done, _ = wait(self._pending, timeout=GLANCE, return_when=FIRST_COMPLETED)
        for future in done:
            job = self._pending.pop(future)
            try:
                result = future.result()
            except self.workers.died as error:
                if died := self._died(job, error):
                    yield job, died
            except IsolationError as error:
                raise GradingError(str(error)) from error
            except Exception as error:  # the grader's own mistake costs one submission, not the run
                yield job, Failure(f"The grader failed with {type(error).__name__}: {error}.")
            else:
                if result.outcome.alone and not job.alone:
                    self._again.append(job)
                else:
                    yield job, result

    def _died(self, job: Job, error: BaseException) -> Failure | None:
        how = self.workers.lost(error, job.generation)
        if job.alone:
            return Failure(f"The grader's process ended ({how}), with nothing beside.")
        self._again.append(job)
        return None
