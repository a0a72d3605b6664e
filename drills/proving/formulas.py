"""The proof of formulas: the answer is accepted, each mistake is refused and named."""

from __future__ import annotations

from collections.abc import Iterator

from drills.grammar import (
    CONSTANTS,
    FUNCTIONS,
    EvaluationError,
    FormulaError,
    Tree,
    evaluate,
    names,
    parse,
    same,
)
from drills.grammar.comparing import DRAWS, ENOUGH, drawn
from drills.proving.fault import Findings
from drills.schema import Derivation, Formula

SEEDS = range(5)  # of 32 draws each


def derivation_faults(card: Derivation) -> Findings:
    """What is wrong with the formulas of a derivation."""
    for place, step in enumerate(card.steps):
        if step.formula is not None:
            for field, says in _formula_faults(step.formula):
                yield f"steps.{place}.formula.{field}", says


def _formula_faults(formula: Formula) -> Findings:
    if shadowed := formula.names.keys() & FUNCTIONS.keys():
        yield "names", f"{', '.join(sorted(shadowed))} is a function"
    texts = {"answer": formula.answer}
    texts |= {f"wrong.{place}": mistake.answer for place, mistake in enumerate(formula.wrong)}
    trees: dict[str, Tree] = {}
    for field, text in texts.items():
        try:
            trees[field] = parse(text)
        except FormulaError as error:
            yield field, str(error)
            continue
        if unknown := names(trees[field]) - formula.names.keys() - CONSTANTS.keys():
            yield field, f"{', '.join(sorted(unknown))} is not among the names"
            del trees[field]
    if "answer" not in trees:
        return
    if unused := formula.names.keys() - names(trees["answer"]):
        # A name too many would be a trap; that it is none is for the author to say, in a `wrong`.
        said = {name for field, tree in trees.items() if field != "answer" for name in names(tree)}
        if unused - said:
            yield "names", f"{', '.join(sorted(unused - said))} is used by no formula"
    yield from _values(formula, trees["answer"])
    yield from _told_apart(formula, trees)


def _values(formula: Formula, answer: Tree) -> Findings:
    for seed in SEEDS:
        found = []
        for values in drawn(formula.names, seed):
            try:
                found.append(evaluate(answer, values))
            except EvaluationError as error:
                fault = str(error)
        if len(found) < DRAWS - ENOUGH:
            yield "answer", f"has a value in only {len(found)} of {DRAWS} draws: {fault}"
            return
        if len(set(found)) < 2:
            yield "answer", "has the same value whatever its names are"
            return


def _told_apart(formula: Formula, trees: dict[str, Tree]) -> Findings:
    for one, other in _pairs(list(trees)):
        for seed in SEEDS:
            if same(trees[one], trees[other], formula.names, seed):
                yield other, f"has the same values as {one} (seed {seed})"
                break


def _pairs(fields: list[str]) -> Iterator[tuple[str, str]]:
    for place, one in enumerate(fields):
        for other in fields[place + 1 :]:
            yield one, other
