"""Computing formulas: right, finite, and never with a name that was not given."""

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drills.grammar import EvaluationError, FormulaError, OutOfReach, evaluate, names, parse

VALUES = {"x": 2.0, "y": -3.0, "v": (1.0, 2.0, 3.0), "w": (4.0, 5.0), "N": 64.0, "tau": 0.07}


def value(text, **values):
    return evaluate(parse(text), values or VALUES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 ^ 2", 19),
        ("-x^2", -4),
        ("2^3^2", 512),
        ("x - y - 1", 4),
        ("2x/(x + 2)", 1),
        ("log(N) / τ", math.log(64) / 0.07),
        ("ln(e) + log10(1000) + log2(8)", 7),
        ("sqrt(x + 7) * |y|", 9),
        ("sigmoid(0) + tanh(0)", 0.5),
        ("sigmoid(-800)", 0),
        ("round(2.5) + round(3.5) + floor(-0.5) + ceil(0.5)", 6),
        ("sign(y) + sign(0) + sign(x)", 0),
        ("min(x, y, 5) + max(x, y)", -1),
        ("max(v) - min(v) + sum(v) + mean(v)", 10),
        ("logsumexp(1000 v) - 3000", 0),
        ("sum(v * v)", 14),
        ("2 pi", 2 * math.pi),
        ("0^0", 1),
    ],
)
def test_values(text, expected):
    assert value(text) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v", (1, 2, 3)),
        ("2v + 1", (3, 5, 7)),
        ("-v", (-1, -2, -3)),
        ("v / sum(v)", (1 / 6, 1 / 3, 1 / 2)),
        ("max(v, 2)", (2, 2, 3)),
        ("x^v", (2, 4, 8)),
    ],
)
def test_vectors_go_entry_by_entry(text, expected):
    assert value(text) == pytest.approx(expected)


def test_a_given_name_goes_before_a_constant():
    assert value("e * pi", e=3.0) == pytest.approx(3 * math.pi)


def test_a_name_may_be_spelt_like_a_function():
    assert value("max + max(max, 1)", max=2.0) == 4


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("1e308 * 10", OutOfReach, "1e+308 * 10 is too large to compute"),
        ("10^1000", OutOfReach, "10^1000 is too large to compute"),
        ("9^9^9^9", OutOfReach, "9^9^9 is too large to compute"),
        ("exp(1000)", OutOfReach, "exp(1000) is too large to compute"),
        ("sum(v * 1e308)", OutOfReach, "v * 1e+308 is too large to compute"),
        ("0/0", OutOfReach, "0 / 0 divides by zero"),
        ("1/(x - 2)", OutOfReach, "1 / (x - 2) divides by zero"),
        ("log(0)", OutOfReach, "log(0) is infinite"),
        ("0^-1", OutOfReach, "0^-1 is infinite"),
        ("log(y)", EvaluationError, "log(y) is not defined at -3"),
        ("sqrt(-1)", EvaluationError, "sqrt(-1) is not defined at -1"),
        ("y^0.5", EvaluationError, "y^0.5 is not defined at -3, 0.5"),
        ("z + 1", EvaluationError, "Nothing here is called z; there is N, tau, v, w, x, y"),
        ("v + w", EvaluationError, "v + w is of vectors with 2 and 3 entries"),
        ("sum(x)", EvaluationError, "sum needs a vector; x is one number"),
        ("max(x)", EvaluationError, "max needs a vector; x is one number"),
    ],
)
def test_what_has_no_value_is_said(text, error, sentence):
    with pytest.raises(error) as caught:
        value(text)
    assert str(caught.value) == sentence
    assert type(caught.value) is error


def test_without_names_only_numbers_are_asked_for():
    with pytest.raises(EvaluationError, match="Nothing here is called x; only numbers are asked for"):
        evaluate(parse("x"), {})


@pytest.mark.parametrize("bad", [math.nan, math.inf, (1.0, -math.inf)])
def test_given_values_are_finite(bad):
    with pytest.raises(EvaluationError, match="x is not finite"):
        value("x", x=bad)


class Watched(Mapping):
    """Values that remember what they were asked for."""

    def __init__(self, values):
        self.values_given, self.asked = values, set()

    def __getitem__(self, name):
        self.asked.add(name)
        return self.values_given[name]

    def __contains__(self, name):
        return name in self.values_given

    def __iter__(self):
        return iter(self.values_given)

    def __len__(self):
        return len(self.values_given)


PIECES = [
    "x",
    "y",
    "v",
    "w",
    "z",
    "log(",
    "sum(",
    "max(",
    "sqrt(",
    "exp(",
    "round(",
    "1",
    "2.5",
    "1e308",
    "0",
    "700",
]
formulas = st.lists(st.sampled_from([*PIECES, *"+-*/^(),|²", "__class__", "os"]), max_size=60).map("".join)
reals = st.floats(allow_nan=False, allow_infinity=False)
vectors = st.lists(reals, min_size=2, max_size=4).map(tuple)


@given(formulas, st.fixed_dictionaries({"x": reals, "y": reals, "v": vectors, "w": vectors}))
def test_any_formula_has_finite_values_or_says_why_not(text, values):
    watched = Watched(values)
    try:
        tree = parse(text)
        result = evaluate(tree, watched)
    except FormulaError as error:
        said = str(error)
    else:
        assert all(math.isfinite(entry) for entry in (result if isinstance(result, tuple) else (result,)))
        assert watched.asked <= names(tree) <= {*values, "e", "pi"}
        return
    assert 0 < len(said) < 250


@given(st.floats(-700, 700), st.floats(0.01, 100))
def test_computing_agrees_with_python(x, y):
    for text, expected in [
        ("x^2 / y - 3x + |x|", x**2 / y - 3 * x + abs(x)),
        ("exp(-|x|) * log(y)", math.exp(-abs(x)) * math.log(y)),
        ("sigmoid(x)", 1 / (1 + math.exp(-x))),
        ("-y^-x / 2" if abs(x) < 50 else "0", -(y**-x) / 2 if abs(x) < 50 else 0),
    ]:
        assert value(text, x=x, y=y) == pytest.approx(expected, rel=1e-12, abs=1e-300)
