"""A numeric card with its numbers drawn, and the judging of what is typed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from drills.drawing import draw
from drills.filling import fill, in_words
from drills.grammar import CONSTANTS, EvaluationError, FormulaError, Value, evaluate, names, parse
from drills.schema import Numeric
from drills.slips import slip

RELATIVE = 0.01  # what a rounded answer may be off by
SHARE = 1 / 3  # of the distance to the nearest distractor
EXACT = 1e-9
_FAR = 1e6
_GROUPED = re.compile(r"(?<![\w.,])\d{1,3}(?:[,\u202f\u00a0 ]\d{3})+(?![\d,])")


class Unposable(FormulaError):
    """A card whose numbers cannot be computed: in which field, and why."""

    def __init__(self, field: str, error: FormulaError) -> None:
        super().__init__(f"{field}: {error}")
        self.field, self.why = field, str(error)


@dataclass(frozen=True)
class Judged:
    """Whether an answer is right, and what to say to it; that never holds the right answer."""

    right: bool
    says: str


@dataclass(frozen=True)
class Distractor:
    """What a known mistake gives here, and which mistake that is."""

    value: float
    says: str


@dataclass(frozen=True)
class Posed:
    """A numeric card with its numbers.

    Parameters
    ----------
    question, solution : str
        With the numbers filled in; the solution holds the answer.
    answer, tolerance : float
        What is right, and how far an answer may be from it.
    unit : str
        Of the answer; empty if it has none.
    distractors : tuple of Distractor
        Results of known mistakes.
    values : dict
        Of the card's parameters and intermediate results.
    """

    question: str
    answer: float
    tolerance: float
    unit: str
    distractors: tuple[Distractor, ...]
    solution: str
    values: dict[str, Value]

    def judge(self, typed: str) -> Judged:
        """Judge a typed number.

        Parameters
        ----------
        typed : str
            A number or an expression without names; its thousands may be set apart, its unit may follow.

        Raises
        ------
        FormulaError
            If it is neither, which is no wrong answer: ask again.
        """
        number = read(typed, self.unit)
        if abs(number - self.answer) <= self.tolerance:
            return Judged(True, "Right.")
        known = [self.answer, *(distractor.value for distractor in self.distractors)]
        for distractor in sorted(self.distractors, key=lambda one: abs(one.value - number)):
            others = [value for value in known if value != distractor.value]
            if abs(number - distractor.value) <= tolerance(distractor.value, others):
                return Judged(False, distractor.says)
        return Judged(False, slip(number, self.answer, self.unit) or _plainly(number, self.answer))


def pose(card: Numeric, seed: int) -> Posed:
    """Draw the numbers of a card and compute what it asks for.

    Raises
    ------
    Unposable
        If one of its expressions cannot be read, has no value, or is a vector where a number is asked for.
    """
    given = frozenset(card.parameters)
    values: dict[str, Value] = dict(draw(card.parameters, seed))
    for name, expression in card.where.items():
        with _in(f"where.{name}"):
            values[name] = evaluate(parse(expression), values)
    with _in("answer"):
        answer = _number(card.answer, values)
    distractors = []
    for place, mistake in enumerate(card.distractors):
        with _in(f"distractors.{place}"):
            says = fill(mistake.says, values, given)
            distractors.append(Distractor(_number(mistake.answer, values), says))
    with _in("question"):
        question = fill(card.question, values, given)
    with _in("solution"):
        solution = fill(card.solution, {**values, "answer": answer}, given)
    others = [distractor.value for distractor in distractors]
    off = EXACT * max(1.0, abs(answer)) if card.exact else tolerance(answer, others)
    return Posed(question, answer, off, card.unit, tuple(distractors), solution, values)


@contextmanager
def _in(field: str) -> Iterator[None]:
    try:
        yield
    except FormulaError as error:
        raise Unposable(field, error) from None


def tolerance(number: float, others: Sequence[float]) -> float:
    """How far from a number still counts as that number, given the others that it may be confused with."""
    # Beside 0 there is no share of the number itself: then the smallest of the others gives the measure.
    size = abs(number) or min((abs(other) for other in others if other), default=0.0)
    nearest = min((abs(other - number) for other in others), default=size)
    return max(min(RELATIVE * size, SHARE * nearest), EXACT * size)


def read(typed: str, unit: str = "") -> float:
    """The number that somebody typed.

    Raises
    ------
    FormulaError
        If it is none.
    """
    text = typed.strip().lstrip("≈~= ")
    if unit and text.lower().endswith(unit.lower()):
        text = text[: -len(unit)].rstrip()
    if not re.search(r"[^\W\d]\s*\(", text):  # in max(1,024) the comma stands between arguments
        text = _GROUPED.sub(lambda match: re.sub(r"\D", "", match[0]), text)
    if unknown := names(parse(text)) - CONSTANTS.keys():
        wanted = f"a number in {unit}" if unit else "a number"
        raise EvaluationError(f"Nothing here is called {min(unknown)[:40]}: {wanted} is asked for")
    return _number(text, {})


def _number(expression: str, values: dict[str, Value]) -> float:
    value = evaluate(parse(expression), values)
    if isinstance(value, tuple):
        raise EvaluationError(f"{expression} is a vector; one number is asked for")
    return value


def _plainly(number: float, answer: float) -> str:
    factor = number / answer if answer else 0.0
    if factor <= 0:
        return "Not the number, and no mistake that is known here."
    side = "large" if factor > 1 else "small"
    if not 1 / _FAR < factor < _FAR:
        return f"Far too {side}."
    return f"Too {side}, by a factor of {in_words(float(f'{max(factor, 1 / factor):.2g}'))}."
