"""Studying alone: where one stands, what comes next, hints and worked answers.

For a cell and for the terminal alike. All of it prints and returns None, and is answered from the
index and the recorded progress, so that nothing here waits for torch.
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

from autograder import progress
from autograder.progress import standing
from autograder.progress.standing import Item, Lesson

WIDTH = 80  # of the table where nothing else is known: a cell, a pipe


def status() -> None:
    """Print a table of the lessons: what is solved, what it earned, and what is left."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("lesson", no_wrap=True)
    for heading in ("solved", "points", "min left", "stretch"):
        table.add_column(heading, justify="right")
    table.add_column("last mistake met", ratio=1)
    for lesson in standing.lessons():
        table.add_row(*_row(lesson))
    # Plain text in a notebook too: it fits the verdicts around it and survives every export.
    terminal = sys.stdout.isatty()
    console = Console(
        file=sys.stdout, force_terminal=terminal, force_jupyter=False, width=None if terminal else WIDTH
    )
    console.print(table)


def next_up() -> None:
    """Print the exercise to do next, and the notebook that it is in."""
    ordered = standing.from_here(standing.lessons())
    unfinished = next((lesson for lesson in ordered if lesson.open), None)
    if unfinished is None:
        print("You have solved every core exercise of the course." + _stretch_left(ordered))
        return
    item = unfinished.open[0]
    print(f"{item.id} · {item.title} · about {item.minutes} minutes")
    print(f"  Lesson {unfinished.name}, {unfinished.title}. Open work/{item.notebook}")


def hint(exercise_id: str, level: int | None = None) -> None:
    """Print the next hint that was not seen yet, or the one of a given level (1 is the gentlest)."""
    item = _item(exercise_id)
    if item is None:
        print(no_such_exercise(exercise_id))
        return
    count, unseen = len(item.hints), _unseen(item)
    if not count:
        print(f"{item.id} has no hints.")
        return
    if level is None and not unseen:
        again = _spell(f'hint("{item.id}", 1)', f"course hint {item.id} --level 1")
        print(f"You have seen all {count} hints of {item.id}; {again} repeats the first.")
        print(f"  {_offer(item)}")
        return
    level = unseen[0] if level is None else level
    if level not in range(1, count + 1):
        print(f"{item.id} has hints of level 1 to {count}; got {level!r}.")
        return
    print(f"{item.id} · hint {level} of {count}")
    for line in item.hints[level - 1].splitlines():
        print(f"  {line}".rstrip())
    progress.record_hint(item.id, level)
    if unseen == [level]:
        print(f"  That was the last one. {_offer(item)}")


def solution(exercise_id: str, solutions: Path, *, anyway: bool = False) -> None:
    """Print the worked answer of an exercise, once it is solved or all its hints are taken.

    Parameters
    ----------
    exercise_id : str
    solutions : Path
        The folder of the lesson sources, ``NN_topic/topic.py``.
    anyway : bool
        Do not ask for the hints first.
    """
    item = _item(exercise_id)
    if item is None:
        print(no_such_exercise(exercise_id))
        return
    left = len(_unseen(item))
    if left and not item.solved and not anyway:
        hints = "1 hint" if left == 1 else f"{left} hints"
        ask = _spell(f'hint("{item.id}")', f"course hint {item.id}")
        print(f"{item.id} has {hints} that you have not seen: {ask} shows the next one.")
        print(f"  To see the answer all the same, add {_spell('anyway=True', '--anyway')}.")
        return
    answer = worked_answer(item.id, solutions)
    if answer is None:
        print(f"{item.id} has no worked answer in {solutions}.")
        return
    print(f"{item.id} · a worked answer\n\n{answer}")
    progress.record_solution(item.id)


def after_check(exercise_id: str) -> None:
    """Say that the lesson is finished, at the first full credit for the last of its core exercises."""
    from autograder.points import in_words as points_in_words

    try:
        found = standing.lessons()
    except (OSError, ValueError, KeyError):
        return  # an index that is missing or being rebuilt is no reason to spoil a check
    lesson = next((one for one in found if any(item.id == exercise_id for item in one.core)), None)
    if lesson is None or not lesson.finished or not standing.first_passed(exercise_id):
        return
    count, earned = len(lesson.core), sum(item.points for item in lesson.core)
    every = "its core exercise" if count == 1 else f"all {count} core exercises"
    print(f"You have finished this lesson: {lesson.name}, {every}, {points_in_words(earned, earned)}.")
    ordered = standing.from_here(found)
    following = next((one for one in ordered if one.open), None)
    if following is None:
        print("  It was the last: you have solved every core exercise of the course." + _stretch_left(found))
    else:
        print(f"  Next: {following.title}")
        if left := _stretch_left([lesson]):
            print(f" {left}")


def no_such_exercise(exercise_id: str) -> str | None:
    """A sentence about an id that no exercise has, with the nearest one that exists; None if it exists."""
    known = [item.id for lesson in standing.lessons() for item in lesson.items]
    if exercise_id in known:
        return None
    near = difflib.get_close_matches(str(exercise_id), known, n=1)
    return f"There is no exercise {exercise_id!r}." + (f" Did you mean {near[0]!r}?" if near else "")


def worked_answer(exercise_id: str, solutions: Path) -> str | None:
    """The solution cells of an exercise, as its lesson source has them; None if there are none."""
    import jupytext

    topic = exercise_id.partition(".")[0]
    cells = [
        cell.source
        for path in sorted(solutions.glob(f"[0-9][0-9]_{topic}/*.py"))
        for cell in jupytext.read(path, fmt="py:percent").cells
        if cell.metadata.get("solution") == exercise_id
    ]
    # The same test that nbgrader makes for the lines around an answer.
    marks = ("BEGIN SOLUTION", "END SOLUTION")
    lines = [line for line in "\n\n".join(cells).splitlines() if not any(mark in line for mark in marks)]
    return "\n".join(lines).strip("\n") or None


def _item(exercise_id: str) -> Item | None:
    items = (item for lesson in standing.lessons() for item in lesson.items)
    return next((item for item in items if item.id == exercise_id), None)


def _unseen(item: Item) -> list[int]:
    """The levels of the hints not seen yet."""
    seen = progress.hints_taken(item.id)
    return [level for level in range(1, len(item.hints) + 1) if level not in seen]


def _row(lesson: Lesson) -> tuple[str, ...]:
    solved = sum(item.solved for item in lesson.core)
    # Partial credit counts in the points, though not as solved.
    earned = sum(item.credit * item.points for item in lesson.core)
    stretch = sum(item.solved for item in lesson.stretch)
    return (
        lesson.name,
        f"{solved}/{len(lesson.core)}",
        f"{earned:.4g}/{sum(item.points for item in lesson.core):g}",
        str(sum(item.minutes for item in lesson.open)) if lesson.open else "finished",
        f"{stretch}/{len(lesson.stretch)}" if lesson.stretch else "",
        " and ".join(lesson.met),
    )


def _stretch_left(lessons: list[Lesson]) -> str:
    left = sum(not item.solved for lesson in lessons for item in lesson.stretch)
    return f" Stretch exercises left: {left}." if left else ""


def _offer(item: Item) -> str:
    verb = _spell(f'course.solution("{item.id}")', f"course solution {item.id}")
    return f"{verb} shows a worked answer."


def _spell(in_a_cell: str, in_the_terminal: str) -> str:
    """What to type, where the learner is."""
    ipython = sys.modules.get("IPython")
    return f"`{in_a_cell if ipython and ipython.get_ipython() else in_the_terminal}`"
