"""Exercises as students get them: what is asked, what is right and hints, but no mistake and no model answer.

A check at home then still judges by the reference, which is in `course_lib` for everybody to read, and says
where the numbers differ. It names no mistake, since there is none to compare with.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Mapping

from autograder.exercise import Exercise
from autograder.observers import LearnerTestObserver
from autograder.open_questions import Explanation

DECLARING = {"misconception", "also_correct"}
#: Arguments of `Exercise` that hold parts of an answer.
TELLING = {"intermediates"}
RUBRIC = "Your instructor grades this explanation."
AT_HOME = (
    "At home this only sees whether your test accepts a right implementation. Whether it catches wrong ones "
    "is judged when your work is graded: which ones would you try?"
)
HEADER = '"""%s"""\n\n# Written by `course pack`; comments and what only graders need are left out.\n'


class StrippingError(ValueError):
    """An exercise that does not work without its mistakes; the message says where."""


def strip_exercises(sources: Mapping[str, str], asked: Mapping[str, object]) -> dict[str, str]:
    """Strip the modules of ``autograder.exercises``.

    Parameters
    ----------
    sources : mapping of str to str
        By module name, such as ``"autograder.exercises.infonce.clip_loss"``.
    asked : mapping of str to object
        What the modules of exercises ask, loaded: their ``asked``.

    Returns
    -------
    dict of str to str
        The same modules. Functions, assignments and imports that nothing needs any more are left out.

    Raises
    ------
    StrippingError
        If a module needs its mistakes for something else.
    """
    trees = {name: _stripped(ast.parse(source), asked.get(name)) for name, source in sources.items()}
    trees = _all_swept(trees, asked)
    for name, tree in trees.items():
        gone = _tops(ast.parse(sources[name])) - _tops(tree)
        for statement in tree.body:
            _let_pass(statement, gone)
    trees = _all_swept(trees, asked)
    return {name: sources[name] if name not in asked else _written(tree) for name, tree in trees.items()}


def _all_swept(trees: dict[str, ast.Module], asked: Mapping[str, object]) -> dict[str, ast.Module]:
    """Every module without what nothing needs, in it or in another one."""
    while True:
        needed = {
            name: _imported_from(name, trees) | ({"asked"} if name in asked else set()) for name in trees
        }
        swept = {name: _swept(tree, needed[name]) if name in asked else tree for name, tree in trees.items()}
        if all(len(swept[name].body) == len(trees[name].body) for name in trees):
            return swept
        trees = swept


def _stripped(tree: ast.Module, asked: object) -> ast.Module:
    if isinstance(asked, Exercise) and isinstance(asked.runner, LearnerTestObserver):
        return ast.parse(_accepting(asked))
    body = [statement for statement in tree.body if not _declares(statement)]
    helpers = {one.name for one in tree.body if isinstance(one, ast.FunctionDef) and _declares(one)}
    body = [one for one in body if not (isinstance(one, ast.Expr | ast.For) and _names(one) & helpers)]
    made = ast.Module(body, type_ignores=[])
    for node in ast.walk(made):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "Exercise":
                node.keywords = [one for one in node.keywords if one.arg not in TELLING]
            elif node.func.id == "Explanation" and isinstance(asked, Explanation):
                for keyword in node.keywords:
                    if keyword.arg == "rubric":
                        keyword.value = ast.List([ast.Constant(RUBRIC)], ast.Load())
    return made


def _let_pass(statement: ast.stmt, gone: set[str]) -> None:
    """Let a function that makes cases on which mistakes differ take all cases: none is there to differ."""
    if not _names(statement) & gone:
        return
    returns = statement.returns if isinstance(statement, ast.FunctionDef) else None
    if not (
        isinstance(statement, ast.FunctionDef) and isinstance(returns, ast.Name) and returns.id == "bool"
    ):
        missed = ", ".join(sorted(_names(statement) & gone))
        raise StrippingError(
            f"{ast.unparse(statement).splitlines()[0]!r} needs {missed}, "
            "which students do not get. Let a function that returns a bool ask for it."
        )
    statement.body = [ast.Return(ast.Constant(True))]


def _accepting(asked: Exercise) -> str:
    """An exercise in which the learner writes a test, with right implementations alone.

    The wrong ones that it should catch are other exercises' mistakes.
    """
    right = asked.implementations["the reference"]
    return f'''
"""{asked.title}: as students get it."""

from autograder.exercise import Exercise, Group
from autograder.exercises.ingredients import accepts
from autograder.observers import LearnerTestObserver
from {right.__module__} import {right.__qualname__} as right


def accepts_all(implementation: object) -> None:
    """Stand for a test that a right implementation passes."""


asked = Exercise(
    {asked.id!r},
    title={asked.title!r},
    minutes={asked.minutes!r},
    skills={list(asked.skills)!r},
    reference=accepts_all,
    observer=LearnerTestObserver(),
    groups={{"accepts": Group(0)}},
    cases=accepts(["the reference"]),
    implementations={{"the reference": right}},
    stretch={asked.stretch!r},
    hints={list(asked.hints)!r},
    follow_up={AT_HOME!r},
)
'''


def _declares(statement: ast.stmt) -> bool:
    """Whether a statement declares a mistake or a further right answer, or is a function made for that."""
    return any(isinstance(node, ast.Attribute) and node.attr in DECLARING for node in ast.walk(statement))


def _names(node: ast.AST) -> set[str]:
    """What a statement reads by name, but for its own arguments and variables."""
    names = [one for one in ast.walk(node) if isinstance(one, ast.Name)]
    own = {one.arg for one in ast.walk(node) if isinstance(one, ast.arg)}
    own |= {one.id for one in names if isinstance(one.ctx, ast.Store)}
    return {one.id for one in names} - own


def _tops(tree: ast.Module) -> set[str]:
    return {name for statement in tree.body for name in _defined(statement)}


def _swept(tree: ast.Module, needed: set[str]) -> ast.Module:
    """A module without the definitions at its top that nothing in it, and none of `needed`, leads to."""
    reached, waiting = set(), list(needed)
    leads = {name: statement for statement in tree.body for name in _defined(statement)}
    while waiting:
        name = waiting.pop()
        if name in leads and name not in reached:
            reached.add(name)
            waiting += _names(leads[name])
    body: list[ast.stmt] = []
    for statement in tree.body:
        defined = set(_defined(statement))
        if isinstance(statement, ast.Import | ast.ImportFrom):
            kept = [one for one in statement.names if (one.asname or one.name).partition(".")[0] in reached]
            future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
            if kept or future:
                statement.names = statement.names if future else kept
                body.append(statement)
        elif not defined or defined & reached:
            body.append(statement)
    return ast.Module(body, type_ignores=[])


def _defined(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from ((one.asname or one.name).partition(".")[0] for one in statement.names)
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            yield from (one.id for one in ast.walk(target) if isinstance(one, ast.Name))


def _imported_from(module: str, trees: Mapping[str, ast.Module]) -> set[str]:
    """What other modules import from one."""
    return {
        one.name
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == module
        for one in node.names
    }


def _written(tree: ast.Module) -> str:
    docstring = ast.get_docstring(tree) or "An exercise."
    body = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    text = ast.unparse(ast.Module(body, type_ignores=[]))
    return textwrap.dedent(HEADER % docstring.replace('"""', "'''")) + "\n" + text + "\n"
