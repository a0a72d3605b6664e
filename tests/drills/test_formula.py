"""A typed formula is right in any form; a known mistake is named, a slip too; the answer is never told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drills.deck import load
from drills.formula import judge
from drills.grammar import FormulaError
from drills.schema import Derivation, Formula

SOFTMAX = Formula.model_validate(
    {
        "asks": "The softmax of $\\ell/\\tau$?",
        "names": {"l": {"between": [-2, 2], "length": 3}, "tau": {"between": [0.1, 2]}},
        "answer": "exp(l / tau) / sum(exp(l / tau))",
        "wrong": [{"answer": "exp(l) / sum(exp(l))", "says": "The temperature is missing."}],
    }
)
BIAS = Formula.model_validate(
    {
        "asks": "The best bias?",
        "names": {"N": {"integers": [2, 500]}, "tau": {"between": [0.01, 1], "log": True}},
        "answer": "-log(N - 1)",
        "wrong": [{"answer": "-log(N)", "says": "One of them is the pair itself."}],
    }
)
RIGHT = {
    "softmax": ["exp(l/tau)/sum(exp(l/tau))", "exp(l/τ − logsumexp(l/τ))", "1/sum(exp(l/tau)) * exp(l/tau)"],
    "bias": ["-log(N-1)", "log(1/(N − 1))", "−ln(N-1)", "-log2(N - 1) * log(2)", "log(N)-log(N*(N-1))"],
}


@pytest.mark.parametrize(
    ("formula", "typed"),
    [(SOFTMAX, typed) for typed in RIGHT["softmax"]] + [(BIAS, typed) for typed in RIGHT["bias"]],
)
def test_any_form_is_right(formula, typed):
    for seed in range(20):
        assert judge(formula, typed, seed).right


@pytest.mark.parametrize(
    ("formula", "typed", "says"),
    [
        (SOFTMAX, "exp(l - logsumexp(l))", "The temperature is missing."),
        (SOFTMAX, "-exp(l / tau) / sum(exp(l / tau))", "The size is right, the sign is not."),
        (SOFTMAX, "sum(exp(l / tau)) / exp(l / tau)", "That is upside down."),
        (
            SOFTMAX,
            "sum(exp(l / tau)) / sum(exp(l / tau))",
            "One value for each entry is asked for, not their sum.",
        ),
        (SOFTMAX, "1", "One value for each entry is asked for, not their sum."),
        (SOFTMAX, "exp(l / tau) / sum(exp(l / tau)) / tau", "Count the factors of tau again."),
        (SOFTMAX, "exp(l / tau) / mean(exp(l / tau))", "It is off by a constant factor."),
        (SOFTMAX, "exp(l / tau)", "Its values are not those of the answer: try it with small numbers."),
        (BIAS, "-log(N)", "One of them is the pair itself."),
        (BIAS, "log(N - 1)", "The size is right, the sign is not."),
        (BIAS, "-log2(N - 1)", "It is off by a constant factor."),
        (BIAS, "-log(N - 1) / N", "Count the factors of N again."),
        (BIAS, "0", "Its values are not those of the answer: try it with small numbers."),
        (BIAS, "-log(N - 2 + 1e-9)", "Its values are not those of the answer: try it with small numbers."),
    ],
)
def test_what_is_wrong_is_named(formula, typed, says):
    judged = judge(formula, typed, seed=3)
    assert not judged.right
    assert judged.says == says


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "There is no formula"),
        ("log(N - 1", "This '(' is not closed"),
        ("log(M)", "Nothing here is called M; the names are N, tau"),
        ("N²x", "A sign is missing"),
        ("sum(N)", "sum needs a vector; N is one number"),
        ("1 / (N - N)", "divides by zero"),
        ("sqrt(-N)", "is not defined at"),
        ("__import__(1)", "A formula cannot hold"),
    ],
)
def test_what_is_no_formula_is_no_wrong_answer(typed, says):
    with pytest.raises(FormulaError) as caught:
        judge(BIAS, typed)
    assert says in str(caught.value)


FORMULAS = {
    f"{card.id} {place}": step.formula
    for card in load().cards.values()
    if isinstance(card, Derivation)
    for place, step in enumerate(card.steps)
    if step.formula
}


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_the_formulas_of_the_course_are_judged(formula):
    assert judge(formula, formula.answer, seed=7).right
    for mistake in formula.wrong:
        judged = judge(formula, mistake.answer, seed=7)
        assert not judged.right
        assert judged.says == mistake.says


PIECES = ["l", "tau", "N", "exp(", "sum(", "log(", "1", "2", " ", *"+-*/^(),|"]


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=40).map("".join)))
def test_any_text_is_judged_or_refused_with_a_sentence(typed):
    try:
        judged = judge(SOFTMAX, typed)
    except FormulaError as error:
        said = str(error)
    else:
        said = judged.says
        assert SOFTMAX.answer not in said
    assert 0 < len(said) < 250
