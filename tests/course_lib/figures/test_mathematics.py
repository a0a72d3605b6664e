"""Formulas as drawings."""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from course_lib.figures.mathematics import MOST_CHARACTERS, MOST_NESTED, draw_formula

ROOT = Path(__file__).resolve().parents[3]


def test_a_formula_is_drawn_the_same_each_time_and_without_a_date():
    first = draw_formula(r"\frac{1}{N} \sum_i \log p_{ii}")
    draw_formula.cache_clear()
    second = draw_formula(r"\frac{1}{N} \sum_i \log p_{ii}")
    assert first is not None
    assert first == second
    assert ElementTree.fromstring(first.svg).tag.endswith("svg")
    assert not re.search(r"dc:date|20\d\d-\d\d-\d\d|Matplotlib", first.svg)
    assert 0 < first.depth < first.height < first.width


def test_larger_formulas_are_larger():
    small, large = draw_formula("x"), draw_formula(r"x + \frac{x}{y}")
    assert large.width > small.width
    assert large.height > small.height


def test_fractions_are_large_on_a_line_of_their_own_and_small_inside_others():
    tex = r"\frac{a}{b}"
    assert draw_formula(tex, display=True).height > draw_formula(tex).height
    inner = r"x^{\frac{a}{b}}"
    assert draw_formula(inner, display=True) == draw_formula(inner)


@pytest.mark.parametrize("lesson", sorted(ROOT.glob("solutions/0*/*.py")), ids=lambda path: path.stem)
def test_the_formulas_of_lessons_can_be_drawn(lesson):
    """All but environments, such as a table of cases."""
    text = lesson.read_text(encoding="utf-8").replace("\n# ", "\n")
    found = [one or other for one, other in re.findall(r"\$\$([^$]+)\$\$|\$([^$\n]+)\$", text)]
    plain = [one for one in found if r"\begin" not in one]
    assert not [one for one in plain if None in (draw_formula(one), draw_formula(one, True))]


@pytest.mark.parametrize(
    "tex",
    ["", "   ", r"\unknown{x}", r"\frac{", "a $ b", r"\begin{align}x\end{align}", "x" * MOST_CHARACTERS * 2],
)
def test_what_cannot_be_drawn_is_none(tex):
    assert draw_formula(tex) is None


@pytest.mark.parametrize(
    "tex",
    [r"\frac{" * 40 + "x" + "}" * 40, "{" * (MOST_NESTED + 1), "x^{y}" * 150, r"\sqrt{x}" * 90, "(" * 700],
)
def test_hostile_formulas_take_no_time(tex):
    started = time.process_time()
    draw_formula(tex)
    assert time.process_time() - started < 5


def test_nothing_of_a_formula_is_markup():
    drawn = draw_formula(r"\mathrm{<script>} --> x")
    assert drawn is None or "<script" not in drawn.svg
