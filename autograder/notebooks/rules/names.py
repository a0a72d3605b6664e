"""Rules on names: what is skipped or may be wrong is not needed elsewhere."""

from __future__ import annotations

import ast
import symtable
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

from autograder.notebooks.rules.lesson import (
    Finding,
    Lesson,
    grade_id,
    is_check,
    is_experiment,
    is_solution,
    parsed,
    plain_python,
)


@dataclass(frozen=True)
class Names:
    """The global names that a cell binds and those that it needs from elsewhere."""

    bound: frozenset[str]
    needed: frozenset[str]


def names(cell: NotebookNode) -> Names:
    """The global names of a code cell; none if it is not Python, which running it will show."""
    try:
        top = symtable.symtable(plain_python(cell), "<cell>", "exec")
    except SyntaxError:
        return Names(frozenset(), frozenset())
    bound = {
        s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()
    }
    used = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    tables = top.get_children()
    while tables:
        table = tables.pop()
        used |= {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
        tables += table.get_children()
    return Names(frozenset(bound), frozenset(used - bound))


def _only_measured(cell: NotebookNode) -> set[str]:
    """Names that a cell uses for nothing but as arguments of functions of ``experiments``."""
    tree = parsed(cell)
    handed = [
        argument.id
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and getattr(call.func.value, "id", "") == "experiments"
        for argument in (*call.args, *(keyword.value for keyword in call.keywords))
        if isinstance(argument, ast.Name)
    ]
    used = Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {name for name, times in Counter(handed).items() if times == used[name]}


def experiments_ungraded(lesson: Lesson) -> Iterator[Finding]:
    """A cell that is skipped when a class is graded is not part of an exercise."""
    for position, cell in enumerate(lesson.solved.cells):
        if is_experiment(cell) and grade_id(cell):
            yield position, "a cell of an exercise is tagged `experiment`, so grading would skip it."


def nothing_needs_experiments(lesson: Lesson) -> Iterator[Finding]:
    """What runs when a class is graded does not use names that only experiments bind."""
    safe: set[str] = set()
    skipped: dict[str, int] = {}
    for position, cell in lesson.code():
        here = names(cell)
        if is_experiment(cell):
            skipped |= dict.fromkeys(here.bound, position)
            continue
        for name in sorted(here.needed & skipped.keys() - safe):
            where = f"cell {skipped[name] + 1}, an experiment"
            yield position, f"it uses `{name}`, which only {where} binds; grading skips that."
        safe |= here.bound


def nothing_needs_answers(lesson: Lesson) -> Iterator[Finding]:
    """A wrong answer blocks nothing: beside its own check, no cell uses what a learner wrote.

    An experiment may be handed it: ``experiments.f(answer)`` tries it first, and measures ours if it fails.
    """
    answers: dict[str, int] = {}
    for position, cell in lesson.code():
        here = names(cell)
        if not is_check(cell):
            measured = _only_measured(cell) if is_experiment(cell) else set()
            for name in sorted((here.needed & answers.keys()) - measured):
                where = f"`{name}` (cell {answers[name] + 1})"
                yield position, f"it uses the learner's own {where}, maybe wrong; use course_lib's."
        if is_solution(cell):
            answers |= dict.fromkeys(here.bound, position)
        else:
            answers = {name: at for name, at in answers.items() if name not in here.bound}


NAME_RULES = (experiments_ungraded, nothing_needs_experiments, nothing_needs_answers)
