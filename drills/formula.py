"""Judging a formula that was typed: right, a known mistake, or neither; the answer is never told."""

from __future__ import annotations

from collections.abc import Iterator

from drills.grammar import (
    CONSTANTS,
    Binary,
    Call,
    EvaluationError,
    Name,
    Number,
    Tree,
    Value,
    evaluate,
    names,
    parse,
    same,
)
from drills.grammar.comparing import drawn
from drills.numeric import Judged
from drills.schema import Formula

#: How formulas are typed, for a face to show.
EXAMPLES = "2*log(N)/tau, |x|^2, sum(exp(x))"


def judge(formula: Formula, typed: str, seed: int = 0) -> Judged:
    """Judge a typed formula by its values.

    Parameters
    ----------
    formula : Formula
        What was asked for.
    typed : str
        In the names of the formula, in any form.
    seed : int
        Of the values at which it is compared.

    Raises
    ------
    FormulaError
        If it is no formula, holds a name that is not among the formula's, or has a value nowhere: that is
        no wrong answer, so ask again.
    """
    tree = parse(typed)
    if unknown := names(tree) - formula.names.keys() - CONSTANTS.keys():
        there = ", ".join(formula.names)
        raise EvaluationError(f"Nothing here is called {min(unknown)[:40]}; the names are {there}")
    _somewhere(tree, formula, seed)
    answer = parse(formula.answer)
    if same(tree, answer, formula.names, seed):
        return Judged(True, "Right.")
    for mistake in formula.wrong:
        if same(tree, parse(mistake.answer), formula.names, seed):
            return Judged(False, mistake.says)
    for slipped, says in _slips(tree, answer, formula, seed):
        if same(tree, slipped, formula.names, seed):
            return Judged(False, says)
    return Judged(False, "Its values are not those of the answer: try it with small numbers.")


def _slips(tree: Tree, answer: Tree, formula: Formula, seed: int) -> Iterator[tuple[Tree, str]]:
    """What a slip would make of the answer, and which slip that is."""
    if factor := _factor(tree, answer, formula, seed):
        says = "The size is right, the sign is not." if factor == -1 else "It is off by a constant factor."
        yield Binary("*", Number(factor), answer), says
    yield Binary("/", Number(1.0), answer), "That is upside down."
    yield Call("sum", (answer,)), "One value for each entry is asked for, not their sum."
    for name in formula.names:
        for operation in "*/":
            yield Binary(operation, answer, Name(name)), f"Count the factors of {name} again."


def _factor(tree: Tree, answer: Tree, formula: Formula, seed: int) -> float:
    """By how much a formula is off, at the first values where that can be told; else 0."""
    try:
        ratio = _somewhere(Binary("/", tree, answer), formula, seed)
    except EvaluationError:
        return 0.0
    first = ratio[0] if isinstance(ratio, tuple) else ratio
    return float(round(first)) if abs(first - round(first)) < 1e-6 else first


def _somewhere(tree: Tree, formula: Formula, seed: int) -> Value:
    """The value of a formula at the first draw where it has one; if there is none, the reason is raised."""
    reason = None
    for values in drawn(formula.names, seed):
        try:
            return evaluate(tree, values)
        except EvaluationError as error:
            reason = reason or error
    assert reason is not None  # there is a draw
    raise reason
