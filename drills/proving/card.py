"""The proof of one card, as far as it needs no torch."""

from __future__ import annotations

from drills.proving.choices import choice_faults
from drills.proving.fault import Fault
from drills.proving.formulas import derivation_faults
from drills.proving.numbers import numeric_faults, scenario_faults
from drills.proving.references import reference_faults
from drills.proving.texts import text_faults
from drills.schema import Card, Choice, Derivation, Numeric, Scenario


def prove(card: Card) -> list[Fault]:
    """What is wrong with a card; nothing if it is proven.

    What its programs do is shown by `prove_programs`.
    """
    found = [*text_faults(card), *reference_faults(card)]
    if isinstance(card, Numeric):
        found += numeric_faults(card)
    elif isinstance(card, Derivation):
        found += derivation_faults(card)
    elif isinstance(card, Choice):
        found += choice_faults(card)
    elif isinstance(card, Scenario):
        found += scenario_faults(card)
    return [Fault(f"{card.topic}.yaml", card.id, field, says) for field, says in dict.fromkeys(found)]
