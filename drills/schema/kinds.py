"""The seven kinds of cards."""

from __future__ import annotations

import ast
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, model_validator

from drills.schema.parts import (
    DerivationStep,
    Expression,
    FollowUp,
    Mistake,
    Name,
    Number,
    Option,
    Part,
    Point,
    Pushback,
    Quantity,
    Weak,
)
from drills.schema.text import Source, Text

#: A claim of the source cards (C1 … C15, Q1 … Q14) or a paper, an issue, an address:
#: arXiv:2103.00020, open_clip#104, https://….
Reference = Annotated[
    str, Field(pattern=r"^([CQ][1-9][0-9]?|arXiv:\d{4}\.\d{4,5}|[\w.-]+(/[\w.-]+)?#\d+|https://\S+|doi:\S+)$")
]
Rubric = Annotated[tuple[Point, ...], Field(min_length=2, max_length=8)]


class Base(Part):
    """What every card has."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z0-9_]+$", max_length=64)]
    question: Text
    level: Literal[1, 2, 3]  # 1: a first call; 2: a day on site; 3: somebody who works on it
    minutes: Annotated[float, Field(gt=0, le=30)]
    skills: Annotated[tuple[str, ...], Field(min_length=1, max_length=5)]
    sources: Annotated[tuple[Reference, ...], Field(min_length=1)]
    misconceptions: tuple[str, ...] = ()  # of exercises; who met one there gets this card next
    follow_ups: tuple[FollowUp, ...] = ()
    caveats: tuple[Text, ...] = ()

    @property
    def topic(self) -> str:
        """The file that the card stands in."""
        return self.id.partition(".")[0]


class TwoMinutes(Part):
    """The long answer in the source's form; its caveats are the card's."""

    short: Text
    insight: Text  # with the mathematics


class Concept(Base):
    """A question to be answered in words."""

    kind: Literal["concept"]
    half_minute: Text
    two_minutes: TwoMinutes
    pushback: Pushback
    rubric: Rubric
    weak: Weak
    caveats: Annotated[tuple[Text, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_a_must(self) -> Self:
        return _with_a_must(self, self.rubric)


class Derivation(Base):
    """A formula to be derived, step by step."""

    kind: Literal["derivation"]
    steps: Annotated[tuple[DerivationStep, ...], Field(min_length=2, max_length=8)]

    @model_validator(mode="after")
    def _has_a_formula(self) -> Self:
        if not any(step.formula for step in self.steps):
            raise ValueError("no step has a formula to be checked")
        return _with_a_must(self, self.steps)


class Numeric(Base):
    """A number to be computed from drawn parameters.

    In `question` and `solution`, ``[[expression]]`` stands for a value: ``[[bits]]``, ``[[2^bits]]``,
    in `solution` also ``[[answer]]``. `where` names intermediate results, in order.
    """

    kind: Literal["numeric"]
    parameters: Annotated[dict[Name, Quantity], Field(min_length=1)]
    where: dict[Name, Expression] = Field(default_factory=dict)
    answer: Expression
    unit: Annotated[str, Field(max_length=24)] = ""
    exact: bool = False  # a count: no tolerance
    distractors: Annotated[tuple[Mistake, ...], Field(min_length=2)]
    solution: Text


class Choice(Base):
    """One right answer among some, each with its reason."""

    kind: Literal["choice"]
    options: Annotated[tuple[Option, ...], Field(min_length=3, max_length=5)]

    @model_validator(mode="after")
    def _one_is_right(self) -> Self:
        right = sum(option.right for option in self.options)
        if right != 1:
            raise ValueError(f"one option should be right; {right} are")
        if len({option.text for option in self.options}) < len(self.options):
            raise ValueError("two options have the same text")
        return self


class Scenario(Base):
    """A decision to take, with its numbers, and to defend."""

    kind: Literal["scenario"]
    numbers: Annotated[tuple[Number, ...], Field(min_length=1, max_length=4)]
    decision: Text
    pushback: Pushback
    rubric: Rubric
    weak: Weak

    @model_validator(mode="after")
    def _has_a_must(self) -> Self:
        return _with_a_must(self, self.rubric)


class Code(Base):
    """A function to write against the clock, judged as the exercise is."""

    kind: Literal["code"]
    exercise: str
    starter: Source
    solution: Source
    remarks: Text  # what to say while writing: cost, limits, tests

    @model_validator(mode="after")
    def _define_the_answer(self) -> Self:
        return _defining(self, self.exercise, starter=self.starter, solution=self.solution)


class Bug(Base):
    """Wrong code that people write: to be found, explained and fixed."""

    kind: Literal["bug"]
    exercise: str
    misconception: str  # that the judge names for `code`
    code: Source
    culprits: Annotated[tuple[int, ...], Field(min_length=1)]  # lines of `code`, from 1; any of them will do
    rubric: Rubric  # of the explanation
    fix: Source

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        lines = self.code.splitlines()
        for number in self.culprits:
            if not 1 <= number <= len(lines) or not lines[number - 1].strip():
                raise ValueError(f"culprits: line {number} of code is empty or missing")
        return _with_a_must(_defining(self, self.exercise, code=self.code, fix=self.fix), self.rubric)


C = TypeVar("C", bound=Base)
Card = Concept | Derivation | Numeric | Choice | Scenario | Code | Bug


def _with_a_must(card: C, points: tuple[Point, ...]) -> C:
    if not any(point.must for point in points):
        raise ValueError("no point of the rubric is a must")
    return card


def _defining(card: C, exercise: str, **sources: str) -> C:
    wanted = exercise.partition(".")[2]
    for field, text in sources.items():
        defined = [n.name for n in ast.parse(text).body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
        if wanted not in defined:
            raise ValueError(f"{field} does not define {wanted}, which the exercise {exercise} judges")
    return card
