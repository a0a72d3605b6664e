"""What cards are made of: points of a rubric, follow-ups, quantities with a range."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from drills.schema.text import Text

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=32)]
#: In the grammar of `drills.grammar`.
Expression = Annotated[str, Field(min_length=1, max_length=400)]


class Part(BaseModel):
    """Nothing but the fields that are declared, and none of them changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Point(Part):
    """One thing that a good answer says.

    Whoever misses a point that is a `must` has not answered the question.
    """

    says: Text
    weight: Annotated[float, Field(gt=0, le=5)] = 1.0
    must: bool = False


class FollowUp(Part):
    """What an interviewer asks next, after a strong answer, after a weak one, or after any."""

    asks: Text
    answer: Text
    after: Literal["any", "strong", "weak"] = "any"


class Pushback(Part):
    """An objection as an interviewer raises it, and what to say to it."""

    says: Text
    reply: Text


class Weak(Part):
    """An answer as it is often given, and what it lacks."""

    answer: Text
    lacks: Text


class Quantity(Part):
    """The values that a name may take: one of some, a range of integers, or a range of reals.

    Reals are drawn evenly, or evenly in the logarithm, and rounded to `digits` significant digits, so
    that what a question prints is what its answer is computed from.
    """

    means: Text | None = None
    among: Annotated[tuple[float, ...], Field(min_length=1)] | None = None
    integers: tuple[int, int] | None = None
    between: tuple[float, float] | None = None
    log: bool = False
    digits: Annotated[int, Field(ge=1, le=6)] = 3
    length: Annotated[int, Field(ge=2, le=8)] | None = None  # of a vector; None is a number

    @model_validator(mode="after")
    def _one_range(self) -> Self:
        given = [name for name in ("among", "integers", "between") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs one of among, integers, between; it has {', '.join(given) or 'none'}")
        bounds = self.integers or self.between
        if bounds and not bounds[0] < bounds[1]:
            raise ValueError(f"{given[0]} runs from {bounds[0]} to {bounds[1]}: the first should be smaller")
        if self.log and not (self.between and self.between[0] > 0):
            raise ValueError("log needs a range of positive reals: between: [low, high]")
        return self


class Mistake(Part):
    """A result that a known mistake gives, and which mistake it is."""

    answer: Expression
    says: Text


class Formula(Part):
    """A formula to type; it is right if it has the values of `answer` wherever its names may lie."""

    asks: Text
    names: dict[Name, Quantity]
    answer: Expression
    wrong: tuple[Mistake, ...] = ()


class DerivationStep(Point):
    """A step of a derivation, which is a point of its rubric; a formula in it is checked."""

    formula: Formula | None = None


class Number(Part):
    """A number that a decision rests on, computed without parameters."""

    asks: Text
    answer: Expression
    unit: str = ""
    says: Text  # how it is computed
    within: Annotated[float, Field(gt=0, le=1)] = 0.1  # relative: these are estimates


class Option(Part):
    """One of the answers to choose from, and why it is right or wrong."""

    text: Text
    reason: Text
    right: bool = False
