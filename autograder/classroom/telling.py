"""Progress of a run: a line for each finished submission, and on a terminal a bar with the time left."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from autograder.classroom.assignment import Assignment
from autograder.classroom.outcome import Outcome

WIDTH = 24  # of a student's name


def printable(text: str) -> str:
    """The text without what could move the cursor or break a line: names and messages come from students."""
    return "".join(c if c.isprintable() else "?" for c in text)


def number(score: float | None) -> str:
    """A score in short; a dash where a person has to give it."""
    return "–" if score is None else f"{score:g}"


class Teller:
    """Prints as the run goes on.

    Parameters
    ----------
    total : int
        How many submissions there are.
    assignment : Assignment
    console : Console, optional
        By default standard output.
    """

    def __init__(self, total: int, assignment: Assignment, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._possible = sum(
            cell.points
            for notebook in assignment.notebooks
            for cell in notebook.graded
            if cell.cell_type == "code" and not cell.solution
        )
        self._progress: Progress | None = None
        if self._console.is_terminal:
            self._progress = Progress(
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("time left"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._bar = self._progress.add_task("grading", total=total)

    def __enter__(self) -> Teller:
        if self._progress:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()

    def finished(self, outcome: Outcome) -> None:
        """One submission is done."""
        student = printable(outcome.student)
        graded = outcome.status != "could not be graded"
        points = f"{outcome.score:g} of {self._possible:g}" if graded else "no score"
        why = "" if outcome.status == "graded" else _why(outcome)
        self.say(f"{student:{WIDTH}} {points:>12}  {outcome.status}{why}  {outcome.wall_seconds:.1f} s")
        self.passed()

    def passed(self) -> None:
        """One submission needs nothing."""
        if self._progress:
            self._progress.advance(self._bar)

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(printable(line))


def _why(outcome: Outcome) -> str:
    serious = [problem for problem in outcome.problems if not problem.note]
    if not serious:
        return ""
    first = serious[0]
    place = f"{first.notebook or ''}{'/' if first.notebook and first.cell else ''}{first.cell or ''}"
    more = f" (and {len(serious) - 1} more)" if len(serious) > 1 else ""
    return f": {place + ': ' if place else ''}{first.text}{more}"
