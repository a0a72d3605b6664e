"""Rules on exercises: each is asked once, under its title, in the form that its check expects."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Sequence

from autograder.exercise import Exercise
from autograder.exercises import of_topic
from autograder.notebooks.rules.lesson import Finding, Lesson, grade_id, is_check, is_solution, parsed
from autograder.notebooks.rules.text import headings
from autograder.open_questions import Prediction

BEGIN, END = "BEGIN SOLUTION", "END SOLUTION"
_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


def asked_once(topic: str, notebooks: Sequence[Lesson]) -> Iterator[str]:
    """Everything that a topic asks has exactly one place in its notebooks."""
    where = ", ".join(lesson.name for lesson in notebooks)
    cells = [cell for lesson in notebooks for cell in lesson.solved.cells]
    graded = [grade_id(cell) for cell in cells]
    predicted = re.findall(r"\bpredict\(\s*[\"']([\w.]+)", "\n".join(cell.source for cell in cells))
    for asked in of_topic(topic).values():
        name = asked.id.partition(".")[2]
        if isinstance(asked, Prediction):
            wanted = {"predict cell": predicted.count(asked.id)}
        elif isinstance(asked, Exercise):
            wanted = {"solution cell": graded.count(name), "check cell": graded.count(f"check-{name}")}
        else:
            wanted = {"solution cell": graded.count(name)}
        for kind, count in wanted.items():
            if count != 1:
                yield f"{where}: {asked.id} should have one {kind}, but has {count}."


def check_follows_solution(lesson: Lesson) -> Iterator[Finding]:
    """The check of an answer is the next cell of its kind after it."""
    awaited = ""
    for position, cell in enumerate(lesson.solved.cells):
        if not grade_id(cell):
            continue
        if is_check(cell):
            if grade_id(cell) != f"check-{awaited}":
                yield position, "the solution cell of this check should come right before it."
            awaited = ""
        elif cell.cell_type == "code":
            if awaited:
                yield position, f"the check of {awaited} should come before this cell."
            awaited = grade_id(cell)
    if awaited:
        yield None, f"no check follows the solution cell {awaited}."


def titles_above(lesson: Lesson) -> Iterator[Finding]:
    """The section that a verdict points to exists: a heading above the cell holds the exercise's title."""
    above: list[str] = []
    for position, cell in enumerate(lesson.solved.cells):
        if cell.cell_type == "markdown":
            above += [text for _, text in headings(cell.source)]
        if is_solution(cell):
            title = lesson.asked(cell).title
            if not any(title in heading for heading in above):
                yield position, f"no heading above it holds the exercise's title, {title!r}."


def check_is_one_call(lesson: Lesson) -> Iterator[Finding]:
    """A check cell is ``check("id", name)``: nbgrader takes its last value for the score."""
    for position, cell in lesson.code():
        if is_check(cell):
            asked = lesson.asked(cell)
            wanted = f'check("{asked.id}", {asked.name})'
            if cell.source.strip() != wanted:
                yield position, f"a check cell should be exactly `{wanted}`."


def answers_inside_functions(lesson: Lesson) -> Iterator[Finding]:
    """The part of a code cell that is the answer is marked, and lies inside a function or class."""
    for position, cell in lesson.code():
        marks = [line for line in cell.source.splitlines() if BEGIN in line or END in line]
        expected = [BEGIN, END] * (len(marks) // 2) if is_solution(cell) else []
        if len(marks) != len(expected) or any(m not in line for m, line in zip(expected, marks, strict=True)):
            yield position, f"`### {BEGIN}` and `### {END}` should come in pairs, in solution cells."
        elif is_solution(cell) and not marks:
            yield position, "nothing is marked as the answer, so that all of it would be removed."
        elif any(not line[:1].isspace() for line in marks):
            yield position, "the answer should be inside a function; at the top level its stub stops Run All."


def signature_of_reference(lesson: Lesson) -> Iterator[Finding]:
    """What is to be filled in takes what the check will give it, by name.

    Arguments that have a default in the reference may be left out, if the lesson does without them.
    """
    for position, cell in lesson.code():
        if not is_solution(cell):
            continue
        asked = lesson.asked(cell)
        defined = {node.name: node for node in parsed(cell).body if isinstance(node, _DEFINITIONS)}
        for problem in _signature_problems(asked.name, defined.get(asked.name), asked.reference):
            yield position, problem


def _signature_problems(
    name: str, written: ast.FunctionDef | ast.ClassDef | None, reference: Callable[..., object]
) -> Iterator[str]:
    if written is None:
        yield f"it should define `{name}`."
    elif isinstance(written, ast.ClassDef):
        methods = {node.name: node for node in written.body if isinstance(node, ast.FunctionDef)}
        for method, function in inspect.getmembers(reference, inspect.isfunction):
            if method in vars(reference) and (method == "__init__" or not method.startswith("_")):
                yield from _signature_problems(f"{name}.{method}", methods.get(method), function)
    else:
        taken, known = _parameters(written), inspect.signature(reference).parameters
        wanted = [one for one in known if one in taken or known[one].default is inspect.Parameter.empty]
        if taken != wanted:
            yield f"`{name}` takes ({', '.join(taken)}); its reference takes ({', '.join(known)})."


def _parameters(function: ast.FunctionDef) -> list[str]:
    a = function.args  # in the order of inspect.signature
    rest = [a.vararg] if a.vararg else []
    keywords = [a.kwarg] if a.kwarg else []
    return [one.arg for one in [*a.posonlyargs, *a.args, *rest, *a.kwonlyargs, *keywords]]


EXERCISE_RULES = (
    check_follows_solution,
    titles_above,
    check_is_one_call,
    answers_inside_functions,
    signature_of_reference,
)
