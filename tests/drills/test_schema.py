"""What a card must have, field by field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drills.schema import Bug, Code, Concept, Derivation, Quantity
from drills.schema.text import readable, source

COMMON = {
    "question": "Why?",
    "level": 1,
    "minutes": 2,
    "skills": ["softmax"],
    "sources": ["C4", "arXiv:2103.00020", "open_clip#104"],
}
POINTS = [{"says": "This", "must": True}, {"says": "That"}]
STUB = "def clip_loss(a, b, c):\n    raise NotImplementedError\n"


def without_must(points=POINTS):
    return [{**point, "must": False} for point in points]


def concept(**changes):
    said = {
        "half_minute": "Because.",
        "two_minutes": {"short": "Because.", "insight": "$x$"},
        "pushback": {"says": "No.", "reply": "Yes."},
        "rubric": POINTS,
        "weak": {"answer": "Hm.", "lacks": "All."},
        "caveats": ["Not always."],
    }
    return Concept.model_validate(COMMON | {"id": "infonce.why", "kind": "concept"} | said | changes)


def bug(**changes):
    said = {
        "exercise": "infonce.clip_loss",
        "misconception": "infonce.clip_loss:one_direction",
        "code": STUB,
        "culprits": [2],
        "rubric": POINTS,
        "fix": STUB,
    }
    return Bug.model_validate(COMMON | {"id": "infonce.bug", "kind": "bug"} | said | changes)


def test_a_rubric_has_a_must_and_at_least_two_points():
    assert concept().rubric[0].must
    with pytest.raises(ValidationError, match="no point of the rubric is a must"):
        concept(rubric=without_must())
    with pytest.raises(ValidationError, match="at least 2"):
        concept(rubric=POINTS[:1])


def test_a_concept_says_where_it_ends():
    with pytest.raises(ValidationError, match="caveats"):
        concept(caveats=[])


def test_a_derivation_has_something_to_check():
    steps = [{"says": "First", "must": True}, {"says": "Second"}]
    said = COMMON | {"id": "infonce.grad", "kind": "derivation"}
    with pytest.raises(ValidationError, match="no step has a formula"):
        Derivation.model_validate(said | {"steps": steps})
    formula = {"asks": "$g$ =", "names": {"p": {"between": [0, 1]}}, "answer": "p - 1"}
    steps[1]["formula"] = formula
    assert Derivation.model_validate(said | {"steps": steps}).steps[1].formula.answer == "p - 1"


@pytest.mark.parametrize("kind", [Code, Bug])
def test_programs_define_what_their_exercise_judges(kind):
    if kind is Bug:
        with pytest.raises(ValidationError, match="fix does not define clip_loss"):
            bug(fix="def other():\n    pass\n")
        return
    said = COMMON | {
        "id": "infonce.code",
        "kind": "code",
        "exercise": "infonce.clip_loss",
        "remarks": "O(N²).",
    }
    assert Code.model_validate(said | {"starter": STUB, "solution": STUB})
    with pytest.raises(ValidationError, match="starter does not define clip_loss"):
        Code.model_validate(said | {"starter": "x = 1", "solution": STUB})
    with pytest.raises(ValidationError, match="is not Python"):
        Code.model_validate(said | {"starter": "def clip_loss(:", "solution": STUB})


def test_a_culprit_is_a_line_of_the_code():
    for line in (0, 3):
        with pytest.raises(ValidationError, match=f"culprits: line {line} of code is empty or missing"):
            bug(culprits=[line])


@pytest.mark.parametrize(
    ("quantity", "said"),
    [
        ({}, "needs one of among, integers, between; it has none"),
        ({"among": [1], "integers": [1, 2]}, "it has among, integers"),
        ({"integers": [2, 2]}, "integers runs from 2 to 2"),
        ({"between": [1, 0]}, "between runs from 1"),
        ({"between": [0, 1], "log": True}, "log needs a range of positive reals"),
        ({"integers": [1, 2], "log": True}, "log needs a range of positive reals"),
    ],
)
def test_a_quantity_has_one_range(quantity, said):
    with pytest.raises(ValidationError, match=said):
        Quantity.model_validate(quantity)


@given(st.text())
def test_a_text_is_refused_or_harmless(text):
    try:
        kept = readable(text)
    except ValueError:
        return
    assert kept == text.strip()
    assert not set(kept) & {chr(code) for code in [*range(9), *range(11, 32), 127, 0x9B, 0x202E]}


def test_dollars_of_code_and_escaped_ones_open_no_mathematics():
    assert readable(r"It costs \$5, `echo $HOME`, and $x$.")
    with pytest.raises(ValueError, match="does not close"):
        readable("It costs $5.")


def test_a_program_keeps_its_indentation():
    assert source("\n\ndef f():\n    return '$'\n\n") == "def f():\n    return '$'\n"
