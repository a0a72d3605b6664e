"""Wrong answers that no list holds are rejected too: right answers, with one thing changed."""

import ast
import contextlib
import inspect
import textwrap

import numpy as np
import pytest
import torch

from autograder import Exercise, cases, exercises
from autograder.checking import observe_all
from autograder.exercises import load
from autograder.judge import judge
from autograder.observers import FunctionObserver, observe

SWAPPED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
RELATIONS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
METHODS = {"mean": "sum", "sum": "mean", "amax": "amin", "max": "min", "exp": "log", "log": "exp"}
DIFFERENT = 1e-3  # relative: what counts as really different
FUNCTIONS = [id for id in exercises() if isinstance(load(id).runner, FunctionObserver)]


def mutants(function):
    """Copies of a function's syntax tree, each with one node changed."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    tree.body[0].decorator_list = []
    for place in range(sum(1 for _ in ast.walk(tree))):
        for change in (swap_operator, relate, next_constant, other_method, drop_transpose, swap_arguments):
            fresh = ast.parse(ast.unparse(tree))
            node = list(ast.walk(fresh))[place] if place < len(list(ast.walk(fresh))) else None
            if node is not None and change(node):
                yield ast.unparse(ast.fix_missing_locations(fresh))


def swap_operator(node):
    if isinstance(node, ast.BinOp) and type(node.op) in SWAPPED:
        node.op = SWAPPED[type(node.op)]()
        return True
    return False


def relate(node):
    if isinstance(node, ast.Compare) and type(node.ops[0]) in RELATIONS:
        node.ops[0] = RELATIONS[type(node.ops[0])]()
        return True
    return False


def next_constant(node):
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        node.value = {0: 1, 1: 0}.get(node.value, node.value + 1)
        return True
    return False


def other_method(node):
    if isinstance(node, ast.Attribute) and node.attr in METHODS:
        node.attr = METHODS[node.attr]
        return True
    return False


def drop_transpose(node):
    for name, child in ast.iter_fields(node):
        if isinstance(child, ast.Attribute) and child.attr == "T":
            setattr(node, name, child.value)
            return True
    return False


def swap_arguments(node):
    if isinstance(node, ast.Call) and len(node.args) >= 2:
        node.args[0], node.args[1] = node.args[1], node.args[0]
        return True
    return False


def compiled(source, function):
    names = dict(function.__globals__)
    exec(compile(source, "<mutant>", "exec"), names)
    return names[function.__name__]


def really_differs(exercise, answer, cases_elsewhere) -> bool:
    """By outputs or gradients, on inputs that the judging seeds do not give."""
    for case in cases_elsewhere:
        want, got = (observe(exercise.runner, one, case) for one in (exercise.reference, answer))
        if got.error:
            return False  # that it is rejected proves nothing
        for name, array in want.arrays.items():
            other = got.arrays[name]
            if other.shape != array.shape or not np.isfinite(other).all():
                return True
            # As floats: numpy subtracts no booleans.
            if np.abs(other.astype(float) - array.astype(float)).max() > DIFFERENT * max(
                1e-2, np.abs(array).max()
            ):
                return True
    return False


def survivors(exercise: Exercise) -> tuple[int, list[str]]:
    """How many mutants differ from the reference, and which of them pass all the same."""
    asked, elsewhere = cases(exercise), cases(exercise, 77)
    tried, passing = 0, []
    for function in exercise.correct.values():
        for source in dict.fromkeys(mutants(function)):
            with contextlib.suppress(SyntaxError, TypeError):
                answer = compiled(source, function)
                if really_differs(exercise, answer, elsewhere):
                    tried += 1
                    if judge(exercise, asked, observe_all(exercise, exercise.runner, answer, asked)).passed:
                        passing.append(source)
    return tried, passing


@pytest.mark.filterwarnings("ignore")  # of mutants: divisions by zero and odd broadcasts are their point
@pytest.mark.parametrize("exercise_id", FUNCTIONS)
def test_mutants_are_rejected(exercise_id):
    torch.manual_seed(0)
    tried, passing = survivors(load(exercise_id))
    assert tried >= 3
    assert passing == []
