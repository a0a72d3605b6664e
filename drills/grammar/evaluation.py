"""Computing a formula in floats, number by number or entry by entry."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping

from drills.grammar.errors import EvaluationError, OutOfReach
from drills.grammar.functions import FUNCTIONS
from drills.grammar.printing import show
from drills.grammar.tree import Binary, Call, Name, Negative, Number, Tree

Value = float | tuple[float, ...]

CONSTANTS = {"e": math.e, "pi": math.pi}  # unless a name is given that is spelt like one
_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": math.pow,
}


def evaluate(tree: Tree, values: Mapping[str, Value]) -> Value:
    """Compute a formula.

    Parameters
    ----------
    tree : Tree
        From `parse`.
    values : mapping
        Of each name to a number, or to a tuple for a vector. Operations on vectors go entry by entry, and a
        number goes with each entry.

    Returns
    -------
    float or tuple of float
        Finite.

    Raises
    ------
    EvaluationError
        If a name has no value, vectors have different lengths, or a function is not defined there.
    OutOfReach
        If it divides by zero or becomes larger than a float can be.
    """
    if isinstance(tree, Number):
        return tree.value
    if isinstance(tree, Name):
        return _value(tree.name, values)
    if isinstance(tree, Negative):
        return _entrywise(tree, operator.neg, [evaluate(tree.of, values)])
    if isinstance(tree, Binary):
        parts = [evaluate(tree.left, values), evaluate(tree.right, values)]
        return _entrywise(tree, _OPERATIONS[tree.operation], parts)
    return _called(tree, [evaluate(argument, values) for argument in tree.arguments])


def _value(name: str, values: Mapping[str, Value]) -> Value:
    if name in values:
        value = values[name]
        if not all(math.isfinite(entry) for entry in _entries(value)):
            raise EvaluationError(f"{name} is not finite")
        return tuple(map(float, value)) if isinstance(value, tuple) else float(value)
    if name in CONSTANTS:
        return CONSTANTS[name]
    there = f"there is {', '.join(sorted(values))}" if values else "only numbers are asked for"
    raise EvaluationError(f"Nothing here is called {_short(name)}; {there}")


def _called(call: Call, arguments: list[Value]) -> Value:
    function = FUNCTIONS[call.function]
    if function.applied == "each" or (function.applied == "either" and len(arguments) > 1):
        return _entrywise(call, function.compute, arguments)
    if not isinstance(arguments[0], tuple):
        raise EvaluationError(f"{call.function} needs a vector; {_shown(call.arguments[0])} is one number")
    return _one(call, function.compute, arguments[0])


def _entrywise(tree: Tree, compute: Callable[..., float], parts: list[Value]) -> Value:
    lengths = {len(part) for part in parts if isinstance(part, tuple)}
    if not lengths:
        return _one(tree, compute, parts)  # type: ignore[arg-type]  # all of them are numbers
    if len(lengths) > 1:
        sizes = " and ".join(str(length) for length in sorted(lengths))
        raise EvaluationError(f"{_shown(tree)} is of vectors with {sizes} entries")
    rows = [part if isinstance(part, tuple) else (part,) * max(lengths) for part in parts]
    return tuple(_one(tree, compute, entries) for entries in zip(*rows, strict=True))


def _one(tree: Tree, compute: Callable[..., float], numbers: Iterable[float]) -> float:
    numbers = tuple(numbers)
    try:
        result = compute(*numbers)
    except OverflowError:
        raise OutOfReach(f"{_shown(tree)} is too large to compute") from None
    except ZeroDivisionError:
        raise OutOfReach(f"{_shown(tree)} divides by zero") from None
    except ValueError:
        if 0 in numbers:  # the logarithm of 0, or 0 to a negative power
            raise OutOfReach(f"{_shown(tree)} is infinite") from None
        at = ", ".join(f"{number:.4g}" for number in numbers)
        raise EvaluationError(f"{_shown(tree)} is not defined at {at}") from None
    if not math.isfinite(result):
        raise OutOfReach(f"{_shown(tree)} is too large to compute")
    return result


def _entries(value: Value) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,)


def _shown(tree: Tree) -> str:
    return _short(show(tree))


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"
