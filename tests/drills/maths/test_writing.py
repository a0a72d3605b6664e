"""TeX as Unicode: what stands there reads as the formula that is meant."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.markdown import Markdown

from drills.maths import readable, unicode
from drills.maths.commands import COMMANDS
from drills.maths.parser import TexError, parse
from drills.maths.pieces import pieces


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (
            r"s_{ij} = \frac{I_i \cdot T_j}{\lVert I_i \rVert_2 \lVert T_j \rVert_2}",
            "sᵢⱼ = (Iᵢ · Tⱼ)/(‖Iᵢ‖₂‖Tⱼ‖₂)",
        ),
        (
            r"L_{I \to T} = -\frac1N \sum_i \log \frac{e^{\ell_{ii}}}{\sum_{j=1}^N e^{\ell_{ij}}}",
            "L_(I→T) = −(1/N) ∑ᵢ log(e^ℓᵢᵢ/(∑ⱼ₌₁ᴺ e^ℓᵢⱼ))",
        ),
        (r"\frac{\partial L}{\partial \ell_{ij}} = P_{ij} - [i = j]", "∂L/∂ℓᵢⱼ = Pᵢⱼ − [i = j]"),
        (r"\tilde x = s\,(q - z)", "x̃ = s (q − z)"),
        (r"q_{\min} \le q \le 2^{b-1} - 1", "qₘᵢₙ ≤ q ≤ 2ᵇ⁻¹ − 1"),
        (r"b^* = -\log(N-1)", "b* = −log(N − 1)"),
        (r"X \in \mathbb R^{N \times D}, \mathcal{L}", "X ∈ ℝ^(N×D), ℒ"),
        (r"\left( \frac{r_i + c_i}{2} - \ell_{ii} \right)", "((rᵢ + cᵢ)/2 − ℓᵢᵢ)"),
        (r"\operatorname{clip}(\operatorname{round}(x/s) + z)", "clip(round(x/s) + z)"),
        (r"\arg\max_c I \cdot w_c", "arg max_c I · w_c"),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "(1, 2; 3, 4)"),
        (r"\begin{cases} 1 & \text{inside} \\ 0 & \text{outside} \end{cases}", "{ 1, inside; 0, outside"),
        (r"\begin{aligned} a &= b \\ &= c \end{aligned}", "a = b\n= c"),
        (r"\binom{n}{k}", "(n over k)"),
        (r"a \pmod{16}", "a(mod 16)"),
        (r"32{,}768 \cdot 10^{-3}", "32,768 · 10⁻³"),
        (r"W_{\text{image}} x + W_{\text{q}} x", "W_image x + W_q x"),
        (r"\overline{x} + \overline{\lvert x \rvert}", "x̅ + overline(|x|)"),
        (r"\hat{ab}\,\tilde X", "hat(ab) X̃"),
        (r"e^{cN} + e^{c\,s_{ij}} + e^{\ell_{ij}} + x^\tau", "eᶜᴺ + e^(c sᵢⱼ) + e^ℓᵢⱼ + x^τ"),
        (r"100^{0.25} \cdot 2^{-0.5}", "100^0.25 · 2^(−0.5)"),
        (r"m' + \sqrt[3]{x} + \sqrt{a+b}", "m′ + ³√x + √(a + b)"),
        (r"\tfrac12 x, \frac{dy}{dx}, \frac{a}{b}c", "½x, dy/dx, (a/b)c"),
        (r"\mathsf T^{\mathsf T}, x^{\top}", "Tᵀ, xᵀ"),
        (r"0, \dots, n, \infty", "0, …, n, ∞"),
        (r"\{x \mid x \ne 0\}", "{x | x ≠ 0}"),
        (r"\bigl[\, p \;\%\,\bigr]", "[ p % ]"),
    ],
)
def test_formulas(tex, text):
    assert unicode(tex) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\frac{a+b}{c}", r"a + \frac{b}{c}"),
        (r"\frac{a}{b+c}", r"\frac{a}{b} + c"),
        (r"\frac{a}{bc}", r"\frac{a}{b}c"),
        (r"e^{a+b}", r"e^a + b"),
        (r"e^{s/\tau}", r"e^s/\tau"),
        (r"x_{i,j}", r"x_i, j"),
        (r"x_{ij}", r"x_i j"),
        (r"\sqrt{a+b}", r"\sqrt a + b"),
        (r"\log\frac{a}{b}", r"\frac{\log a}{b}"),
        (r"\frac{\frac ab}{c}", r"\frac{a}{\frac bc}"),
        (r"(a+b)^2", r"a + b^2"),
        (r"{a+b}^2", r"a + b^2"),
        (r"\hat{ab}", r"\hat a b"),
        (r"W_{\text{image}}x", r"W_{\text{imagex}}"),
        (r"\frac{1}{2}^n", r"\frac{1}{2^n}"),
        (r"\frac{a}{b}^n", r"\frac{a}{b^n}"),
        (r"-\frac{a+b}{c}", r"\frac{-a+b}{c}"),
    ],
)
def test_what_differs_is_written_differently(one, other):
    assert unicode(one) != unicode(other)


def test_no_command_remains_in_the_lessons(lessons):
    for tex in lessons:
        assert not re.search(r"[\\{}^_]\w*\{|\\", unicode(tex)), tex


def shown(text, **options):
    console = Console(width=80, color_system=None, file=io.StringIO())
    console.print(Markdown(readable(text, **options)))
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()).strip()


def test_no_command_remains_in_the_cards(sentences):
    for text in sentences:
        maths = [piece.inside for piece in pieces(text) if piece.is_maths]
        for tex in maths:
            assert "\\" not in unicode(tex), tex
        if maths:
            without = "".join(
                "x" if piece.is_maths else piece.inside for piece in pieces(text) if piece.kind != "code"
            )
            assert shown(text).count("\\") <= without.count("\\")


def test_tex_that_cannot_be_read_stays():
    assert unicode(r"\foo{x}") == r"\foo{x}"


TEXT = r"""Here $b^* = -\log(N-1)$ and $b^*$, **bold**, $a_1 * b_2 * \{c_{i,j}\}$:
$$L = \frac{a}{b+c}$$
costs \$5, `code $x_1$`."""


def test_markdown_stays_and_no_sign_of_mathematics_is_taken_for_it():
    assert shown(TEXT) == "\n\n".join(
        ["Here b* = −log(N − 1) and b*, bold, a₁ * b₂ * {c_(i,j)}:", "L = a/(b + c)", "costs $5, code $x_1$."]
    )


def test_tex_stays_if_it_is_asked_for():
    assert shown(TEXT, tex=True) == "\n\n".join(
        [
            r"Here $b^* = -\log(N-1)$ and $b^*$, bold, $a_1 * b_2 * \{c_{i,j}\}$:",
            r"$$L = \frac{a}{b+c}$$",
            "costs $5, code $x_1$.",
        ]
    )


PIECES = [*sorted(f"\\{name}" for name in COMMANDS - {"backslash"}), *"{}{}[]^_&' ab12+-|(),."]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_tex_is_written_on_without_commands(tex):
    text = unicode(tex)
    try:
        parse(tex)
    except TexError:
        assert text == tex.strip()
    else:
        assert "\\" not in text


@given(st.text(max_size=80))
def test_any_text_can_be_shown(text):
    readable(text)
    readable(f"$ {text} $")
