"""The claims ledger: it can be read, its quick measurements repeat, and drift is noticed."""

import math
from pathlib import Path

import pytest
import yaml

from course import verbs
from course.claims import Measured, print_claims, read_ledger, remeasure
from course.errors import CourseError

ROOT = Path(__file__).parents[2]
LEDGER = ROOT / "docs" / "claims.yaml"
CLAIMS = read_ledger(LEDGER)


def where(cell):
    """The source and the heading that a cell names: ``NN_topic#heading`` or ``NN_topic/notebook#heading``."""
    notebook, _, heading = cell.partition("#")
    lesson, _, name = notebook.partition("/")
    path = ROOT / "solutions" / lesson / f"{name or lesson.partition('_')[2]}.py"
    return path.read_text(encoding="utf-8"), heading


@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.quick], ids=lambda claim: claim.id)
def test_quick_measurements_repeat(claim):
    drifted = [f for f in remeasure(claim) if not f.agrees]
    assert not drifted


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_each_claim_names_a_section_of_a_lesson(claim):
    source, heading = where(claim.cell)
    headings = [line.lstrip("# ") for line in source.splitlines() if line.startswith("# #")]
    assert heading in headings


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_the_lesson_calls_the_same_functions(claim):
    source, _ = where(claim.cell)
    for measurement in claim.measurements:
        assert f"experiments.{measurement.measured_by.partition(':')[2]}(" in source


@pytest.mark.parametrize(("card", "claims"), [("C", 15), ("Q", 14)])
def test_every_claim_of_both_cards_is_settled(card, claims):
    """An entry may carry a part of a claim: C14-memory is a part of C14."""
    settled = {claim.id.partition("-")[0] for claim in CLAIMS}
    assert {f"{card}{number}" for number in range(1, claims + 1)} <= settled


def test_claims_stand_in_the_order_of_the_cards():
    def place(claim):
        number, _, part = claim.id[1:].partition("-")
        return claim.id[0], int(number), part

    assert sorted(CLAIMS, key=place) == CLAIMS


def figure(recorded, measured, tolerance=0.1):
    return Measured(claim="C", field="f", recorded=recorded, measured=measured, tolerance=tolerance)


@pytest.mark.parametrize(
    ("recorded", "measured", "agrees"),
    [
        ([1.0], [1.05], True),
        ([1.0], [1.2], False),
        ([1.0, 2.0], [1.0], False),
        ([math.nan], [math.nan], True),
        ([1.0], [math.nan], False),
        ([math.nan], [1.0], False),
    ],
)
def test_agreement(recorded, measured, agrees):
    assert figure(recorded, measured).agrees is agrees


def test_drift_is_reported(tmp_path, capsys):
    entries = [one for one in yaml.safe_load(LEDGER.read_text(encoding="utf-8")) if one["id"] == "C3"]
    entries[0]["measurements"][0]["recorded"]["dot_product"] = {"value": 1.0, "tolerance": 0.1}
    ledger = tmp_path / "claims.yaml"
    ledger.write_text(yaml.safe_dump(entries), encoding="utf-8")
    assert print_claims(ledger, everything=True) is False
    assert "drifted" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["- {id: C1}", "{", "3"])
def test_a_broken_ledger_gets_one_sentence(tmp_path, text):
    (tmp_path / "claims.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match=r"claims\.yaml cannot be read as a claims ledger"):
        read_ledger(tmp_path / "claims.yaml")


def test_the_command_prints_every_claim(capfd):
    assert verbs.claims() == 0
    printed = capfd.readouterr().out
    assert all(claim.id in printed for claim in CLAIMS if claim.quick)
