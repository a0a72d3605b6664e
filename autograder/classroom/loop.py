"""One run over an assignment: what has to be graded goes out, what comes back is kept, entered and told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field

from autograder.classroom import secret
from autograder.classroom.deciding import changed, decide
from autograder.classroom.dispatching import Dispatcher, Failure, Job
from autograder.classroom.ledger import Ledger
from autograder.classroom.merging import Merger
from autograder.classroom.options import Options
from autograder.classroom.outcome import Outcome, Problem
from autograder.classroom.source import Source
from autograder.classroom.summary import Summary
from autograder.classroom.task import Result, Task
from autograder.classroom.telling import Teller
from autograder.classroom.workers import Workers


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
        self.assignment = self.source.assignment
        self.name = self.assignment.name
        self.limits = self.options.limits_for(self.assignment)
        self.summary = Summary(self.name)
        if self.ledger.notice:
            self.summary.notices.append(self.ledger.notice)

    def go(self) -> Summary:
        """Grade, enter, and say what was done."""
        begun = time.monotonic()
        folders = self.source.chosen(self.options.students)
        dispatcher = Dispatcher(self.workers, self.grade, self._task)
        with Teller(len(folders), self.assignment) as self.teller, dispatcher.interruptible():
            for job, result in dispatcher.results(self._jobs(folders)):
                self._keep(job, result)
        if dispatcher.stopping:
            self.summary.interrupted = True
            self.summary.left = len(folders) - self.summary.finished - self.summary.skipped
            self.workers.close(now=True)
        else:
            self.summary.layers = self.workers.said
        self.summary.notices += self.merger.notices
        self.summary.waiting = self.merger.waiting()
        self.summary.seconds = time.monotonic() - begun
        return self.summary

    def _jobs(self, folders: Sequence[str]) -> Iterator[Job]:
        """What has to be graded, read when there is room for it; the rest is settled on the way."""
        for folder in folders:
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
                yield Job(folder, submission)
                continue
            assert entry is not None
            self.summary.changed.update(changed(entry, self.assignment.versions))
            if step == "merge":
                self.summary.merged += 1
                self._tell(self.merger.merge(student))
            else:
                self.summary.skipped += 1
                self.teller.passed()

    def _task(self, job: Job) -> Task:
        submission = self.source.read(job.folder) if job.alone else job.submission
        key = secret.key(self.of_class, submission.student)
        return Task(submission, self.assignment, key, self.limits, self.options.unsafe)

    def _keep(self, job: Job, result: Result | Failure) -> None:
        outcome, files = finished(job, result, self.name)
        graded = outcome.status != "could not be graded"
        kept = Result(outcome, files)
        self.ledger.store(kept, self.assignment.versions, asdict(self.limits), merged=not graded)
        self._tell(self.merger.merge(outcome.student, kept) if graded else outcome)

    def _tell(self, outcome: Outcome) -> None:
        self.summary.add(outcome)
        self.teller.finished(outcome)


def finished(job: Job, result: Result | Failure, assignment: str) -> tuple[Outcome, dict[str, bytes]]:
    """The outcome of a job, with what only the main process knows, and its files."""
    if isinstance(result, Failure):
        failed = Problem(kind="grader_failed", text=result.text)
        outcome = Outcome(student="", assignment=assignment, status="could not be graded", problems=[failed])
        files: dict[str, bytes] = {}
    else:
        outcome, files = result.outcome, result.files
    problems = list(outcome.problems)
    if job.alone:
        problems.append(Problem(kind="retried", text="Tried a second time, with nothing beside."))
    told = {
        "student": job.submission.student,
        "assignment": assignment,
        "digest": job.submission.digest,
        "timestamp": job.submission.timestamp,
        "problems": problems,
    }
    return outcome.model_copy(update=told), files
