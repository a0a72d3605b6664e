"""The proof of numbers: that answers are finite, and told from every mistake, whatever is drawn."""

from __future__ import annotations

from itertools import combinations

from drills.grammar import FUNCTIONS, FormulaError, evaluate, parse
from drills.numeric import EXACT, RELATIVE, Posed, Unposable, pose
from drills.proving.fault import Findings
from drills.schema import Numeric, Scenario

SEEDS = range(200)
APART = 2 * RELATIVE  # of two results that must not be confused


def numeric_faults(card: Numeric) -> Findings:
    """What is wrong with a numeric card, with the first seed that shows it."""
    taken = ({*card.parameters} & {*card.where}) | ({"answer"} & {*card.parameters, *card.where})
    if taken:
        yield "where", f"{', '.join(sorted(taken))} has a value already"
    if shadowed := {*card.parameters, *card.where} & FUNCTIONS.keys():
        yield "parameters", f"{', '.join(sorted(shadowed))} is a function"
    seen: set[str] = set()
    questions: set[str] = set()
    for seed in SEEDS:
        try:
            posed = pose(card, seed)
        except Unposable as error:
            yield error.field, f"{error.why} (seed {seed})"
            return
        questions.add(posed.question)
        for field, says in _confusions(card, posed):
            if field not in seen:
                seen.add(field)
                yield field, f"{says} (seed {seed})"
    if len(questions) < 2:
        yield "question", "prints none of the parameters that are drawn"


def scenario_faults(card: Scenario) -> Findings:
    """What is wrong with the numbers of a scenario."""
    for place, number in enumerate(card.numbers):
        field = f"numbers.{place}.answer"
        try:
            value = evaluate(parse(number.answer), {})
        except FormulaError as error:
            yield field, str(error)
            continue
        if isinstance(value, tuple) or value == 0:
            yield field, "is not one number other than 0, so nothing can be near it"


def _confusions(card: Numeric, posed: Posed) -> Findings:
    apart = EXACT if card.exact else APART
    results = [("answer", posed.answer)]
    results += [(f"distractors.{place}", one.value) for place, one in enumerate(posed.distractors)]
    for (one, x), (other, y) in combinations(results, 2):
        # Exact answers have neighbours that count one less; others need room for rounding on both sides.
        if abs(x - y) <= apart * max(abs(x), abs(y)):
            yield other, f"gives {y:.4g}, which is not told from {one}, {x:.4g}"
    if card.exact and not posed.answer.is_integer():
        yield "exact", f"the answer, {posed.answer:.6g}, is no count"
    for place, distractor in enumerate(posed.distractors):
        if (judged := posed.judge(repr(distractor.value))).right or judged.says != distractor.says:
            yield f"distractors.{place}", "is not recognised when it is typed"
    if not posed.judge(repr(posed.answer)).right:
        yield "answer", "is not accepted"
    rounded = f"{posed.answer:.3g}"
    if not (card.exact or posed.judge(rounded).right):
        yield "answer", f"typed with three digits, {rounded}, is not accepted: a distractor is too near"
