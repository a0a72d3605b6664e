"""Reading formulas: every spelling that people use, one clear sentence for what is none, bounds that hold."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drills.grammar import (
    Binary,
    Call,
    GrammarError,
    Name,
    Negative,
    Number,
    Tree,
    evaluate,
    names,
    parse,
    show,
)
from drills.grammar.parser import DEPTH, NEST
from drills.grammar.tokens import LENGTH

X, Y = Name("x"), Name("y")


def binary(operation, left, right):
    return Binary(operation, left, right)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("12", Number(12)),
        (".5", Number(0.5)),
        ("1.5e-3", Number(0.0015)),
        ("1_000_000", Number(1e6)),
        ("x_1", Name("x_1")),
        ("x₁", Name("x_1")),
        ("τ", Name("tau")),
        ("Δ", Name("Delta")),
        ("σ", Name("sigma")),
        ("σ(x)", Call("sigmoid", (X,))),
        ("√(x)", Call("sqrt", (X,))),
        ("max(x, y, 0)", Call("max", (X, Y, Number(0)))),
        ("(((x)))", X),
        ("+x", X),
    ],
)
def test_pieces(text, tree):
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("x - y - 2", binary("-", binary("-", X, Y), Number(2))),
        ("x / y / 2", binary("/", binary("/", X, Y), Number(2))),
        ("x ^ y ^ 2", binary("^", X, binary("^", Y, Number(2)))),
        ("x + y * 2", binary("+", X, binary("*", Y, Number(2)))),
        ("-x^2", Negative(binary("^", X, Number(2)))),
        ("(-x)^2", binary("^", Negative(X), Number(2))),
        ("x^-2", binary("^", X, Negative(Number(2)))),
        ("x * -y", binary("*", X, Negative(Y))),
        ("--x", Negative(Negative(X))),
        ("2^-x^2", binary("^", Number(2), Negative(binary("^", X, Number(2))))),
    ],
)
def test_what_binds_tighter(text, tree):
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("x ** 2", "x ^ 2"),
        ("x · y", "x * y"),
        ("x × y", "x * y"),
        ("x ÷ y", "x / y"),
        ("x − y", "x - y"),
        ("x²", "x ^ 2"),
        ("10⁻³", "10 ^ -3"),
        ("-x²", "-(x ^ 2)"),
        ("|x|", "abs(x)"),
        ("|x - |y||", "abs(x - abs(y))"),
        ("2x", "2 * x"),
        ("2x^2", "2 * (x ^ 2)"),
        ("2 (x + y)", "2 * (x + y)"),
        ("2 log(x)", "2 * log(x)"),
        ("x - 3y²", "x - 3 * (y ^ 2)"),
        ("2e", "2 * e"),
        ("2^b", "2 ^ b"),
    ],
)
def test_other_spellings(text, plain):
    assert parse(text) == parse(plain)


@pytest.mark.parametrize(
    ("text", "sentence", "position"),
    [
        ("", "There is no formula", 1),
        ("   ", "There is no formula", 1),
        ("x +", "Something is missing at the end", 4),
        ("x + * y", "A number or a name is missing before '*'", 5),
        ("(x + y", "This '(' is not closed", 1),
        ("x + y)", "Nothing opens before this ')'", 6),
        ("|x", "This '|' is not closed", 1),
        ("x y", "A sign is missing between x and y", 3),
        ("(x)(y)", "A sign is missing between ) and (", 4),
        ("2 3", "A sign is missing between 2 and 3", 3),
        ("1/2x", "…/2x can be read in two ways: put a * and parentheses", 3),
        ("2^3x", "…^3x can be read in two ways: put a * and parentheses", 3),
        ("1/2(x)", "…/2(…) can be read in two ways: put a * and parentheses", 3),
        ("log x", "Write log(…), with parentheses", 1),
        ("N(x)", "There is no function N; a product needs its sign: N * (…)", 1),
        ("log(x, 2)", "log does not take 2 arguments", 1),
        ("3,5", "Nothing opens before this ','", 2),
        ("(3,5)", "A comma stands between arguments only; decimals have a point", 3),
        ("x = 2", "A formula cannot hold '='; give the right-hand side alone", 3),
        ("\\tau", "A formula cannot hold '\\\\'; names stand without a backslash", 1),
        ("x[0]", "A formula cannot hold '['; parentheses are round", 2),
        ("x \x1b", "A formula cannot hold U+001B", 3),
        ("x.real", "A formula cannot hold '.'", 2),
        ("'x'", 'A formula cannot hold "\'"', 1),
        ("9" * 400, "This number is too large", 1),
        ("x^" + "(" * NEST + "y" + ")" * NEST, f"This nests over {NEST} deep", NEST + 2),
        ("x" + "+x" * DEPTH, f"This is over {DEPTH} operations deep", 2 * DEPTH),
        ("x²" + "³" * 20, "This power is too large", 2),
        ("x" * (LENGTH + 1), f"A formula has at most {LENGTH} characters, this one {LENGTH + 1}", LENGTH + 1),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, sentence, position):
    with pytest.raises(GrammarError) as caught:
        parse(text)
    assert caught.value.sentence == sentence
    assert caught.value.position == position
    assert str(caught.value) == f"{sentence} (at character {position})"


def test_names_are_those_of_the_tree():
    assert names(parse("2 log(N) / τ + max(x, e)")) == {"N", "tau", "x", "e"}


PIECES = ["x", "y", "log", "sum", "e", "1", "2.5", "1e308", " ", *"+-*/^(),|²τσ√−·=[]\\.", "**", "\n"]
texts = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=120).map("".join))


@given(texts)
def test_any_text_is_a_formula_or_an_error_with_a_place(text):
    try:
        tree = parse(text)
    except GrammarError as error:
        position, said = error.position, str(error)
    else:
        assert parse(show(tree)) == tree
        return
    assert 1 <= position <= len(text) + 1
    assert "\n" not in said


@pytest.mark.parametrize(
    "piece", ["(", "-", "2^", "|", "sqrt(", "max(1,", "1+", "x²", "2x+", "9", "_", "\u0301"]
)
@pytest.mark.parametrize("count", [400, 10_000, 1_000_000])
def test_long_and_deep_texts_are_refused_at_once(piece, count):
    started = time.process_time()
    with pytest.raises(GrammarError):
        parse(piece * count)
    assert time.process_time() - started < 0.5


def trees(leaves) -> st.SearchStrategy[Tree]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(Negative, inner),
            st.builds(Binary, st.sampled_from("+-*/^"), inner, inner),
            st.builds(Call, st.sampled_from(["log", "abs", "sum", "sigmoid"]), st.tuples(inner)),
            st.builds(Call, st.just("max"), st.tuples(inner, inner, inner)),
        ),
        max_leaves=20,
    )


numbers = st.floats(min_value=0, allow_nan=False, allow_infinity=False).map(Number)


@given(trees(numbers | st.sampled_from(["x", "tau", "e", "x_1", "log", "E"]).map(Name)))
def test_a_printed_tree_reads_back(tree):
    assert parse(show(tree)) == tree


@pytest.mark.parametrize(
    "text",
    [
        "2 * x^2",
        "x - (y - z)",
        "(x + y) * z",
        "-(x + y)",
        "(x^y)^z",
        "2^-x",
        "max(x, y) / |z|",
        "(-x)^2",
        "-x * y",
    ],
)
def test_printing_keeps_what_is_needed_and_no_more(text):
    assert show(parse(text)) == text.replace("|z|", "abs(z)")


def test_nothing_but_arithmetic_is_reachable():
    for text in (
        "__import__('os')",
        "x.__class__",
        "lambda: 1",
        "[1]",
        "x if y else z",
        "f'{x}'",
        "x; y",
        "open(x)",
    ):
        with pytest.raises(GrammarError):
            parse(text)
    assert evaluate(parse("exec"), {"exec": 2.0}) == 2
