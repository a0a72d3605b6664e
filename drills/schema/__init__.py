"""The schema of cards: what a YAML file under ``drills/cards`` may hold."""

from drills.schema.kinds import (
    Base,
    Bug,
    Card,
    Choice,
    Code,
    Concept,
    Derivation,
    Numeric,
    Scenario,
    TwoMinutes,
)
from drills.schema.parts import (
    DerivationStep,
    FollowUp,
    Formula,
    Mistake,
    Number,
    Option,
    Point,
    Pushback,
    Quantity,
    Weak,
)
from drills.schema.topic import Topic

__all__ = [
    "Base",
    "Bug",
    "Card",
    "Choice",
    "Code",
    "Concept",
    "Derivation",
    "DerivationStep",
    "FollowUp",
    "Formula",
    "Mistake",
    "Number",
    "Numeric",
    "Option",
    "Point",
    "Pushback",
    "Quantity",
    "Scenario",
    "Topic",
    "TwoMinutes",
    "Weak",
]
