"""The loop of a run: submissions out to the executor, results back to the one writer."""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from autograder.classroom import secret
from autograder.classroom.assignment import Assignment
from autograder.classroom.deciding import changed, decide
from autograder.classroom.errors import GradingError
from autograder.classroom.ledger import Ledger
from autograder.classroom.merging import Merger
from autograder.classroom.options import Options
from autograder.classroom.outcome import Outcome, Problem
from autograder.classroom.source import Source
from autograder.classroom.summary import Summary
from autograder.classroom.task import Result, Submission, Task
from autograder.classroom.telling import Teller
from autograder.classroom.workers import Workers

GLANCE = 0.2  # seconds between two looks at whether Ctrl-C was pressed


@dataclass
class Job:
    """A submission on its way; ``alone`` says that this is its second try, with nothing beside."""

    folder: str
    student: str
    digest: str
    timestamp: str | None
    generation: int = 0
    alone: bool = False
    why: str = "without saying why"


@dataclass
class Loop:
    """One run over an assignment.

    Attributes
    ----------
    source : Source
        Where assignment and submissions are read.
    grade : callable
        What is done with a task, in another process.
    of_class : bytes
        The class's secret.
    """

    source: Source
    ledger: Ledger
    merger: Merger
    workers: Workers
    grade: Callable[[Task], Result]
    of_class: bytes = b""
    options: Options = field(default_factory=Options)

    def __post_init__(self) -> None:
        self.assignment: Assignment = self.source.assignment
        self.name = self.assignment.name
        self.summary = Summary(self.name, layers=self.options.layers)
        if self.ledger.notice:
            self.summary.notices.append(self.ledger.notice)
        self.again: deque[Job] = deque()
        self.pending: dict[Future[Result], Job] = {}
        self.stopping = False

    def go(self) -> Summary:
        """Grade, enter, and say what was done."""
        begun = time.monotonic()
        students = self._students()
        possible = sum(cell.points for notebook in self.assignment.notebooks for cell in notebook.graded)
        with Teller(len(students), possible) as self.teller, self._interruptible():
            self._work(self._jobs(students))
        if self.stopping:
            self.summary.interrupted = True
            self.summary.left = len(students) - self.summary.finished - self.summary.skipped
            self.workers.close(now=True)
        self.summary.notices += self.merger.notices
        self.summary.waiting = self.merger.waiting()
        self.summary.seconds = time.monotonic() - begun
        return self.summary

    def _students(self) -> list[str]:
        found = self.source.students()
        unknown = sorted(set(self.options.students) - set(found))
        if unknown:
            raise GradingError(f"{', '.join(unknown)} handed in nothing for {self.name}.")
        return [student for student in found if not self.options.students or student in self.options.students]

    def _work(self, jobs: Iterator[tuple[Job, Task]]) -> None:
        """Keep the executor busy, with a bounded number of submissions in memory."""
        room = 2 * self.workers.slots
        while not self.stopping:
            while len(self.pending) < room and not self.stopping and (found := next(jobs, None)):
                self._submit(*found)
            if not self.pending:
                break
            self._collect()
        while self.again and not self.stopping:  # each with nothing beside
            job = self.again.popleft()
            job.alone = True
            self._submit(job, self._task(self.source.read(job.folder)))
            while self.pending and not self.stopping:
                self._collect()
        for future, job in list(self.pending.items()):  # Ctrl-C: keep what is there
            if future.done() and not future.cancelled() and future.exception() is None:
                self._finish(job, future.result())
            future.cancel()

    def _jobs(self, students: Sequence[str]) -> Iterator[tuple[Job, Task]]:
        """What has to be graded, read when there is room for it; the rest is settled on the way."""
        for folder in students:
            submission = self.source.read(folder)
            student = submission.student
            entry = self.ledger.entry(self.name, student)
            step = decide(
                entry,
                submission.digest,
                regrade=self.options.regrade,
                in_gradebook=self.merger.has(student),
                has_folder=self.merger.has_folder(student),
            )
            if step == "grade":
                yield Job(folder, student, submission.digest, submission.timestamp), self._task(submission)
                continue
            assert entry is not None
            self.summary.changed.update(changed(entry, self.assignment.versions))
            if step == "merge":
                self.summary.merged += 1
                self._tell(self.merger.merge(student))
            else:
                self.summary.skipped += 1
                self.teller.passed()

    def _task(self, submission: Submission) -> Task:
        return Task(
            submission,
            self.assignment,
            secret.key(self.of_class, submission.student),
            self.options.limits,
            self.options.unsafe,
        )

    def _submit(self, job: Job, task: Task) -> None:
        future = self.workers.submit(self.grade, task)
        job.generation = self.workers.generation
        self.pending[future] = job

    def _collect(self) -> None:
        done, _ = wait(self.pending, timeout=GLANCE, return_when=FIRST_COMPLETED)
        for future in done:
            job = self.pending.pop(future)
            try:
                result = future.result()
            except self.workers.died:
                self._died(job)
            except Exception as error:  # the grader's own mistake costs one submission, not the run
                self._fail(job, f"The grader failed with {type(error).__name__}: {error}.")
            else:
                self._finish(job, result)

    def _died(self, job: Job) -> None:
        """A process ended: whose task it was cannot be told, so each that was in it is tried once more."""
        if job.generation == self.workers.generation:
            job.why = self.workers.how_it_ended()
            self.workers.rebuild()
        if job.alone:
            self._fail(job, f"The grader's process ended ({job.why}), with nothing beside.")
        else:
            self.again.append(job)

    def _finish(self, job: Job, result: Result) -> None:
        outcome = result.outcome
        if outcome.alone and not job.alone and not self.stopping:  # the machine may just have been busy
            self.again.append(job)
            return
        problems = list(outcome.problems)
        if outcome.alone or job.alone:
            problems.append(Problem(kind="retried", text="Tried a second time, with nothing beside."))
        update = {
            "student": job.student,
            "assignment": self.name,
            "digest": job.digest,
            "timestamp": job.timestamp,
            "problems": problems,
        }
        self._keep(Result(outcome.model_copy(update=update), result.files))

    def _fail(self, job: Job, text: str) -> None:
        outcome = Outcome(
            student=job.student,
            assignment=self.name,
            status="could not be graded",
            digest=job.digest,
            timestamp=job.timestamp,
            problems=[Problem(kind="grader_failed", text=text)],
        )
        self._keep(Result(outcome))

    def _keep(self, result: Result) -> None:
        outcome = result.outcome
        graded = outcome.status != "could not be graded"
        self.ledger.store(result, self.assignment.versions, asdict(self.options.limits), merged=not graded)
        self._tell(self.merger.merge(outcome.student, result) if graded else outcome)

    def _tell(self, outcome: Outcome) -> None:
        self.summary.add(outcome)
        self.teller.finished(outcome)

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
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
