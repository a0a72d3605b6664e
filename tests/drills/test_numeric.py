"""A numeric card: its numbers, its tolerance, and what is said to a wrong one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drills.grammar import FormulaError
from drills.numeric import pose, read, tolerance
from drills.schema import Numeric


def card(**fields):
    return Numeric.model_validate(
        {
            "id": "toys.memory",
            "kind": "numeric",
            "question": "How much memory do [[P]] weights of [[bits]] bits take?",
            "level": 1,
            "minutes": 1,
            "skills": ["memory"],
            "sources": ["Q2"],
            "parameters": {"P": {"among": [7e9, 13e9]}, "bits": {"among": [4, 8, 16]}},
            "where": {"bytes": "bits / 8"},
            "answer": "P * bytes / 1e9",
            "unit": "GB",
            "distractors": [
                {"answer": "P * bits / 1e9", "says": "That counts [[bits]] bytes for each weight, not bits."},
                {"answer": "P * 4 / 1e9 + 50", "says": "That is float32, and more."},
            ],
            "solution": "$[[P]] \\cdot [[bytes]] = [[answer]]$ GB",
        }
        | fields
    )


@pytest.fixture
def posed():
    return next(
        one for seed in range(99) if (one := pose(card(), seed)).values["bits"] == 4 and one.answer == 3.5
    )


def test_the_numbers_are_filled_in(posed):
    assert posed.question == "How much memory do 7,000,000,000 weights of 4 bits take?"
    assert posed.solution == "$7{,}000{,}000{,}000 \\cdot 0.5 = 3.5$ GB"
    assert posed.distractors[0].says == "That counts 4 bytes for each weight, not bits."
    assert posed.values == {"P": 7e9, "bits": 4, "bytes": 0.5}
    assert posed.tolerance == pytest.approx(0.035)


@pytest.mark.parametrize(
    "typed",
    ["3.5", "3.5 GB", "3.5gb", "7/2", "3.52", "≈ 3.5 GB", "= 3.5", "7e9 * 4 / 8 / 1e9", "3,500 / 1,000"],
)
def test_what_is_right(posed, typed):
    assert posed.judge(typed).right


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("28", "That counts 4 bytes for each weight, not bits."),
        ("28.2 GB", "That counts 4 bytes for each weight, not bits."),
        ("78", "That is float32, and more."),
        ("3500", "Too large by a factor of 1,000: the decimal point, or a prefix of the unit."),
        ("0.35", "Too small by a factor of 10: the decimal point, or a prefix of the unit."),
        ("-3.5", "The size is right, the sign is not."),
        ("7/2 / 1.024^3", "That mixes 1000 and 1024: the answer is in GB."),
        ("3.5 * 1024^2", "Off by a factor of 1,048,576: the answer is in GB."),
        ("3.5 / 8", "Off by a factor of 8: bits and bytes are mixed up."),
        ("5", "Too large, by a factor of 1.4."),
        ("3.3", "Too small, by a factor of 1.1."),
        ("1e-300", "Far too small."),
        ("0", "Not the number, and no mistake that is known here."),
    ],
)
def test_what_is_wrong_is_named(posed, typed, says):
    judged = posed.judge(typed)
    assert not judged.right
    assert judged.says == says


@pytest.mark.parametrize(
    "typed", ["", "x", "three", "3,5", "1/0", "2 TB", "P * bytes", "3.5 GB GB", "1e308 * 10"]
)
def test_what_is_no_number_is_no_wrong_answer(posed, typed):
    with pytest.raises(FormulaError):
        posed.judge(typed)


def test_a_unit_that_is_not_asked_for_is_told(posed):
    with pytest.raises(FormulaError, match="Nothing here is called TB: a number in GB is asked for"):
        posed.judge("0.0035 TB")


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("32,768", 32768),
        ("1 000 000", 1e6),
        ("1_000", 1000),
        ("max(1,024)", 24),
        ("-1,234.5", -1234.5),
    ],
)
def test_numbers_as_people_type_them(typed, number):
    assert read(typed) == number


def test_shares_and_logarithms_have_their_own_slips():
    share = pose(
        card(
            answer="25", unit="%", distractors=[{"answer": "75", "says": "a"}, {"answer": "50", "says": "b"}]
        ),
        0,
    )
    assert "factor of 100" in share.judge("0.25").says
    nats = pose(
        card(
            answer="3", unit="nats", distractors=[{"answer": "9", "says": "a"}, {"answer": "30", "says": "b"}]
        ),
        0,
    )
    assert "nats and bits" in nats.judge("3 / log(2)").says


def test_a_near_distractor_narrows_the_tolerance():
    near = pose(
        card(
            answer="100", distractors=[{"answer": "102.1", "says": "near"}, {"answer": "50", "says": "far"}]
        ),
        0,
    )
    assert near.tolerance == pytest.approx(0.7)
    assert near.judge("100.69").right
    assert near.judge("101.5").says == "near"
    assert not near.judge("101").right
    assert near.judge("101").says.startswith("Too large")


def test_a_count_has_no_tolerance():
    count = pose(
        card(
            answer="256",
            exact=True,
            distractors=[{"answer": "255", "says": "one less"}, {"answer": "8", "says": "b"}],
        ),
        0,
    )
    assert count.judge("2^8").right
    assert count.judge("255").says == "one less"
    assert not count.judge("256.001").right


def test_beside_an_answer_of_nothing_the_distractors_give_the_measure():
    nothing = pose(
        card(answer="0", distractors=[{"answer": "1", "says": "one"}, {"answer": "-5", "says": "b"}]), 0
    )
    assert nothing.judge("0.001").right
    assert not nothing.judge("0.1").right
    assert nothing.judge("1").says == "one"


def test_a_vector_is_no_answer():
    with pytest.raises(FormulaError, match="v is a vector"):
        pose(
            card(
                parameters={
                    "v": {"integers": [1, 9], "length": 3},
                    "P": {"among": [1]},
                    "bits": {"among": [4]},
                },
                answer="v",
            ),
            0,
        )


@given(st.floats(-1e12, 1e12).filter(lambda x: abs(x) > 1e-9), st.floats(1.03, 50))
def test_neighbours_never_overlap(answer, factor):
    other = answer * factor
    assert tolerance(answer, [other]) + tolerance(other, [answer]) < abs(other - answer)


@given(st.integers(0, 10**6), st.floats(-1e6, 1e6))
def test_judging_never_fails_nor_tells_the_answer(seed, number):
    posed = pose(card(), seed)
    judged = posed.judge(repr(number))
    assert judged.right == math.isclose(number, posed.answer, abs_tol=posed.tolerance, rel_tol=0)
    assert judged.right or f"{posed.answer:g}" not in judged.says.split()
