"""What a run did, in a few lines for the instructor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from autograder.classroom.outcome import Outcome, Status

SHOWN = 12  # of one kind of problem; the report has all

TITLES = {
    "missing_notebook": "a notebook is missing",
    "unknown_notebook": "a notebook has a name that was not released",
    "unreadable": "a file cannot be read",
    "too_large": "a file is too large",
    "refused_file": "a file was left out",
    "restored_cell": "missing cells were put back",
    "duplicate_cell": "duplicates of graded cells were left out",
    "edited_cell": "locked cells were put back to their text",
    "foreign_cell": "cells with ids that were not released",
    "moved_cell": "checks that do not stand where they were released",
    "timed_out": "ran out of time",
    "memory": "ran out of memory",
    "processes": "started too many processes",
    "crashed": "the student's process ended",
    "output_cut": "output was cut",
    "protocol": "answers that broke the rules of the exchange",
    "grader_failed": "the grader failed",
    "self_reported": "scored by the notebook's own asserts",
    "kernel": "ran in a real kernel",
    "retried": "tried once more, alone",
}


@dataclass
class Summary:
    """What a run did.

    Attributes
    ----------
    skipped : int
        Submissions that were finished before and left alone.
    merged : int
        Submissions graded by an earlier run, and entered by this one.
    changed : dict of str to int
        Exercises that changed since, with the number of submissions graded before.
    waiting : dict of str to int
        Students with cells that a person has to grade, and how many.
    notices : list of str
        Sentences about files and database.
    layers : tuple of str
        Which layers of isolation held, and what they stopped.
    self_reported : Counter
        Students with cells that were scored by the notebook's own asserts, and how many.
    """

    assignment: str
    counts: Counter[Status] = field(default_factory=Counter)
    problems: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    skipped: int = 0
    merged: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    waiting: dict[str, int] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    layers: tuple[str, ...] = ()
    self_reported: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    interrupted: bool = False
    left: int = 0

    def add(self, outcome: Outcome) -> None:
        """Take in one finished submission."""
        self.counts[outcome.status] += 1
        self.scores[outcome.student] = outcome.score
        self.cpu_seconds += sum(n.cpu_seconds + n.judging_seconds for n in outcome.notebooks)
        own = sum(grade.self_reported for n in outcome.notebooks for grade in n.grades)
        if own:
            self.self_reported[outcome.student] = own
        for problem in outcome.problems:
            place = "/".join(part for part in (problem.notebook, problem.cell) if part)
            text = f"{place}: {problem.text}" if place else problem.text
            self.problems.setdefault(problem.kind, {}).setdefault(outcome.student, []).append(text)

    @property
    def finished(self) -> int:
        """How many submissions this run finished."""
        return sum(self.counts.values())

    @property
    def exit_status(self) -> int:
        """0, 1 if some could not be graded, 130 after Ctrl-C."""
        if self.interrupted:
            return 130
        return int(self.counts["could not be graded"] > 0)

    def lines(self) -> Iterator[str]:
        """The summary, line by line."""
        yield ""
        told = [f"{count} {status}" for status, count in sorted(self.counts.items())]
        if self.skipped:
            told.append(f"{self.skipped} left as they were (graded before, nothing new handed in)")
        yield f"{self.assignment}: {', '.join(told) or 'nothing handed in'}. {self._took()}"
        if self.merged:
            yield f"{self.merged} of them had been graded by an earlier run and were entered now."
        for kind, students in sorted(self.problems.items(), key=lambda item: -len(item[1])):
            yield f"  {TITLES.get(kind, kind)} ({len(students)}):"
            for student, texts in sorted(students.items())[:SHOWN]:
                more = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
                yield f"    {student}: {texts[0]}{more}"
            if len(students) > SHOWN:
                yield f"    … and {len(students) - SHOWN} more: `course report {self.assignment}` lists all"
        if self.self_reported:
            yield (
                f"Self-reported: {self.self_reported.total()} cells of {len(self.self_reported)} submissions "
                "were scored by the notebook's own asserts, as nbgrader does: a student can forge that."
            )
        if self.layers:
            yield f"{'; '.join(self.layers).capitalize()}."
        yield from self.notices
        if self.changed:
            yield (
                f"{len(self.changed)} exercise{'s' * (len(self.changed) > 1)} changed since: "
                f"`course grade {self.assignment} --dry-run` lists whose score would change."
            )
        if self.interrupted:
            yield (
                f"Ended at your wish, {self.left} still to do: "
                f"`course grade {self.assignment}` goes on from here."
            )
            return
        yield from self._next()

    def _took(self) -> str:
        if not self.finished:
            return f"{self.seconds:.1f} s."
        each = self.seconds / self.finished
        return (
            f"{self.seconds:.1f} s, {each:.2f} s each; "
            f"{self.cpu_seconds:.1f} s of CPU time in students' cells and judging."
        )

    def _next(self) -> Iterator[str]:
        if self.waiting:
            cells = sum(self.waiting.values())
            yield (
                f"{cells} answers of {len(self.waiting)} students wait for a person: "
                "`course lab --classroom` opens formgrader."
            )
        if self.counts["could not be graded"]:
            yield "What could not be graded has no new score; the same command tries it again."
        if self.finished or self.skipped:
            yield f"Next: `course report {self.assignment}`, `course feedback {self.assignment}`."
