"""Numbers in sentences and in mathematics."""

import pytest

from drills.filling import fill, in_words
from drills.grammar import FormulaError


@pytest.mark.parametrize(
    ("value", "text", "tex"),
    [
        (0, "0", "0"),
        (-0.0, "0", "0"),
        (8, "8", "8"),
        (1024, "1024", "1024"),
        (32768, "32,768", "32{,}768"),
        (7e9, "7,000,000,000", "7{,}000{,}000{,}000"),
        (0.6931471805599453, "0.6931", "0.6931"),
        (3.0000000000000004, "3", "3"),
        (0.1, "0.1", "0.1"),
        (-2.5, "−2.5", "-2.5"),
        (1234.56, "1235", "1235"),
        (123456.7, "123,457", "123{,}457"),
        (1.5e-7, "1.5·10⁻⁷", "1.5 \\cdot 10^{-7}"),
        (-0.00012345, "−0.0001234", "-0.0001234"),
        (2e20, "2·10²⁰", "2 \\cdot 10^{20}"),
        ((1.0, -2.5), "(1, −2.5)", "(1,\\ -2.5)"),
    ],
)
def test_numbers_as_they_are_printed(value, text, tex):
    assert in_words(value) == text
    assert in_words(value, tex=True) == tex


def test_values_fill_text_mathematics_and_not_code():
    values = {"N": 32768.0, "x": -0.5}
    filled = fill(
        "[[N]] pairs, $\\log [[N]] = [[log(N)]]$, $$[[x]]$$ and [[x]]; `[[N]]` costs \\$[[N/2]]", values
    )
    assert filled == "32,768 pairs, $\\log 32{,}768 = 10.4$, $$-0.5$$ and −0.5; `[[N]]` costs \\$16,384"


def test_a_drawn_number_is_printed_as_it_was_drawn():
    values = {"x": 1.23456, "y": 12345.6}
    assert (
        fill("[[x]] [[y]] [[x + 0]] [[y + 0]]", values, frozenset(values)) == "1.23456 12345.6 1.235 12,346"
    )


@pytest.mark.parametrize("text", ["[[z]]", "[[1/0]]", "[[2 +]]", "[[ ]]"])
def test_what_cannot_be_filled_in_is_said(text):
    with pytest.raises(FormulaError):
        fill(text, {"x": 1.0})
