"""Rules on what learners get: no answers, no outputs, not too large, with ids that stay."""

from __future__ import annotations

import re
from collections.abc import Iterator

from autograder.notebooks.rules.lesson import Finding, Lesson, grade_id, is_solution

MAX_BYTES = 200_000
MIN_TELLING = 26  # a shorter line, such as `return loss`, may stand anywhere
_MARKS = re.compile(r"(?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS|MARK SCHEME)")
_REGION = re.compile(r"BEGIN SOLUTION[^\n]*\n(.*?)^[^\n]*END SOLUTION", re.DOTALL | re.MULTILINE)


def is_released(lesson: Lesson) -> Iterator[Finding]:
    """The release exists."""
    if lesson.released is None:
        yield None, "it has not been released; run `course build`."


def no_answers(lesson: Lesson) -> Iterator[Finding]:
    """No line of an answer, and no mark of one, is in the release."""
    for position, text in _released_cells(lesson):
        if found := _MARKS.search(text):
            yield position, f"it holds the mark {found.group()}."
        lines = {line.strip() for line in text.splitlines()}
        for answer, line in _answer_lines(lesson):
            if line in lines:
                yield position, f"it holds a line of the answer to {answer}: {line[:50]!r}."


def no_outputs(lesson: Lesson) -> Iterator[Finding]:
    """Outputs belong to whoever runs the notebook."""
    for position, cell in enumerate(lesson.released.cells if lesson.released else []):
        if cell.get("outputs") or cell.get("execution_count"):
            yield position, "it has outputs."


def not_too_large(lesson: Lesson) -> Iterator[Finding]:
    """A notebook loads at once and its differences can be read."""
    size = lesson.path.stat().st_size if lesson.path.is_file() else 0
    if size > MAX_BYTES:
        yield None, f"its release has {size // 1000} kB; at most {MAX_BYTES // 1000} kB are allowed."


def stable_ids(lesson: Lesson) -> Iterator[Finding]:
    """Cell ids are unique, and an exercise's is its grade id: an update finds answers by it."""
    seen: set[str] = set()
    for position, cell in enumerate(lesson.released.cells if lesson.released else []):
        if grade_id(cell) and cell.id != grade_id(cell):
            yield position, f"its cell id is {cell.id}, not its grade id."
        if cell.id in seen:
            yield position, f"another cell has its id, {cell.id}."
        seen.add(cell.id)


def _released_cells(lesson: Lesson) -> Iterator[tuple[int, str]]:
    return ((i, cell.source) for i, cell in enumerate(lesson.released.cells if lesson.released else []))


def _answer_lines(lesson: Lesson) -> Iterator[tuple[str, str]]:
    """The telling lines of all answers, each with its grade id."""
    for cell in lesson.solved.cells:
        if is_solution(cell):
            # Without marks, nbgrader takes the whole cell for the answer.
            for region in _REGION.findall(cell.source) or [cell.source]:
                for line in region.splitlines():
                    if len(line.strip()) >= MIN_TELLING:
                        yield grade_id(cell), line.strip()


RELEASE_RULES = (is_released, no_answers, no_outputs, not_too_large, stable_ids)
