"""Whether two formulas mean the same: they have the same values wherever their names may lie."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import median

from drills.drawing import draw
from drills.grammar.errors import EvaluationError, OutOfReach
from drills.grammar.evaluation import Value, evaluate
from drills.grammar.tree import Tree
from drills.schema import Quantity

DRAWS = 32
ENOUGH = 8  # of the draws have to give both a value
RELATIVE = 1e-6  # a formula typed in another form may lose digits: log(1 + exp(-20))
ABSOLUTE = 1e-9  # beside the median of the values


def same(a: Tree, b: Tree, quantities: Mapping[str, Quantity], seed: int) -> bool:
    """Whether two formulas have the same values.

    Parameters
    ----------
    a, b : Tree
        Formulas in the names of `quantities`.
    quantities : mapping
        Where the names may lie.
    seed : int
        Of the draws.

    Returns
    -------
    bool
        Draws where one of them divides by zero or overflows do not count, as long as enough others do.
        Where one has a value and the other is not defined, they differ.
    """
    pairs: list[tuple[Value, Value]] = []
    for values in drawn(quantities, seed):
        left, right = _at(a, values), _at(b, values)
        if isinstance(left, OutOfReach) or isinstance(right, OutOfReach):
            continue
        if not isinstance(left, EvaluationError) and not isinstance(right, EvaluationError):
            pairs.append((left, right))
        elif not (isinstance(left, EvaluationError) and isinstance(right, EvaluationError)):
            return False
    if len(pairs) < ENOUGH:
        return False
    ours, theirs = zip(*pairs, strict=True)
    return _shape(ours) == _shape(theirs) and _close(_flat(ours), _flat(theirs))


def drawn(quantities: Mapping[str, Quantity], seed: int) -> Iterator[dict[str, Value]]:
    """The values at which formulas are compared."""
    for number in range(DRAWS):
        yield draw(quantities, seed * DRAWS + number)


def _at(tree: Tree, values: Mapping[str, Value]) -> Value | EvaluationError:
    try:
        return evaluate(tree, values)
    except EvaluationError as error:
        return error


def _shape(values: tuple[Value, ...]) -> list[int]:
    return [len(value) if isinstance(value, tuple) else 0 for value in values]


def _flat(values: tuple[Value, ...]) -> list[float]:
    return [entry for value in values for entry in (value if isinstance(value, tuple) else (value,))]


def _close(left: list[float], right: list[float]) -> bool:
    smallest = ABSOLUTE * median(max(abs(x), abs(y)) for x, y in zip(left, right, strict=True))
    return all(
        math.isclose(x, y, rel_tol=RELATIVE, abs_tol=smallest) for x, y in zip(left, right, strict=True)
    )
