"""Reading TeX: what MathJax sets is read, what it would not set is an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drills.maths.commands import COMMANDS
from drills.maths.parser import TexError, parse
from drills.maths.pieces import Piece, pieces


@pytest.mark.parametrize(
    ("tex", "says"),
    [
        ("{x", "a { is not closed"),
        ("x}", "nothing opens before }"),
        ("\\frac{1}", "the second argument of \\frac is missing"),
        ("x^", "what ^ sets is missing"),
        ("x^2^3", "two superscripts on one thing: group them"),
        ("10^23", "^ sets the 2 of 23 alone: put braces around it"),
        ("x_i_j", "two subscripts on one thing: group them"),
        ("x_i^2_j", "two subscripts on one thing: group them"),
        ("\\foo x", "\\foo is not among the commands that cards use"),
        ("\\newcommand{\\x}{y}", "\\newcommand is not among the commands that cards use"),
        ("\\argmax x", "\\argmax is not among the commands that cards use"),
        ("\\left( x", "a \\left has no \\right"),
        ("x \\right)", "nothing opens before \\right"),
        ("\\left x \\right)", "\\left needs a delimiter, not x"),
        ("\\begin{matrix} a & b", "\\begin{matrix} has no end"),
        ("\\begin{matrix} a \\end{pmatrix}", "\\begin{matrix} ends with \\end{pmatrix}"),
        ("\\begin{tikz} a \\end{tikz}", "the environment tikz is not among those that cards use"),
        ("\\text{a", "\\text is not closed, or holds more than words"),
        ("\\text{a \\alpha}", "\\text holds \\alpha; it is for words"),
        ("\\text a", "\\text needs braces"),
        ("5 %", "a plain % is written \\%"),
        ("a & b", "nothing opens before &"),
        ("\\hat" * 100 + "x", "it nests over 30 deep"),
        ("{" * 100 + "x" + "}" * 100, "it nests over 30 deep"),
    ],
)
def test_what_is_wrong_is_said(tex, says):
    with pytest.raises(TexError) as caught:
        parse(tex)
    assert str(caught.value) == says


def test_the_lessons_write_no_other_tex(lessons):
    for tex in lessons:
        parse(tex)


@given(
    st.lists(
        st.sampled_from([*sorted(f"\\{name}" for name in COMMANDS), *"{}[]^_&' ab12+-|(),.", "matrix"])
    ).map("".join)
)
def test_any_tex_is_read_or_an_error(tex):
    try:
        parse(tex)
    except TexError as error:
        said = str(error)
    else:
        return
    assert said


@given(st.text(st.sampled_from("a$`\\[]\n {}"), max_size=40))
def test_pieces_are_the_whole_text(text):
    assert "".join(piece.written for piece in pieces(text)) == text


def test_pieces():
    text = "costs \\$5, `$x$` and $a_{ij}$: $$b = \\$1$$\n```\n$c$\n```"
    assert list(pieces(text)) == [
        Piece("words", "costs \\$5, "),
        Piece("code", "`$x$`"),
        Piece("words", " and "),
        Piece("inline", "a_{ij}"),
        Piece("words", ": "),
        Piece("display", "b = \\$1"),
        Piece("words", "\n"),
        Piece("code", "```\n$c$\n```"),
    ]
