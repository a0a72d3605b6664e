"""What is let through, and what is not; whether anything runs, a browser says in tests/browser/test_harmless.py."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_notebook, new_output

sys.path.insert(0, str(Path(__file__).parent))

import rooms

from autograder.classroom.harmless import clean, harmless, harmless_tex
from autograder.classroom.harmless.hidden import SAID, without_hidden_tests
from autograder.classroom.harmless.markup import MOST_TAGS, markdown_to_html
from autograder.classroom.harmless.page import static
from autograder.points import Points
from course_lib.figures.show import figure_html
from course_lib.figures.style import new_figure

ACTIVE = {
    "script",
    "style",
    "iframe",
    "object",
    "embed",
    "form",
    "input",
    "button",
    "svg",
    "math",
    "link",
    "meta",
    "base",
}


def dangers(html: str) -> list[str]:
    """Whatever in a piece of HTML could run, load, take input or look like the page itself."""
    found = []
    for element in BeautifulSoup(html, "html.parser").find_all(True):
        found += [element.name] if element.name in ACTIVE else []
        for name, value in element.attrs.items():
            value = " ".join(value) if isinstance(value, list) else value
            if name.startswith("on") or name in ("id", "name", "srcdoc", "action", "formaction"):
                found.append(name)
            if name in ("href", "src") and not re.match(
                r"https?:|mailto:|#|data:image/|[\w./ -]+\.png$", value
            ):
                found.append(f"{name}={value}")
            if name == "src" and value.startswith("http"):
                found.append(value)
            if name == "style" and re.search(r"url|position|expression|margin", value):
                found.append(value)
    return found


@pytest.mark.parametrize("text", rooms.HOSTILE_HTML)
def test_nothing_that_runs_is_let_through(text):
    assert dangers(text)  # the test can see it
    assert not dangers(clean(text))
    assert not dangers(markdown_to_html(text))


@pytest.mark.parametrize(
    "text",
    [
        "[x](javascript:alert(1))",
        "[x]: javascript:alert(1)\n\n[x]",
        "<javascript:alert(1)>",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](evil.html)",
        "[x](//elsewhere.invalid/a)",
        "![x](http://elsewhere.invalid/pixel.png)",
        "![x](../../api/shutdown.png)",
        '![x](x "a\\" onerror=alert(1)")',
        "![x](attachment:none.png)",
        "```mermaid\n</pre><script>alert(1)</script>\n```",
        "```<script>alert(1)</script>\nx\n```",
    ],
)
def test_markdown_is_looked_at_after_it_is_translated(text):
    assert not dangers(markdown_to_html(text))


@pytest.mark.parametrize(
    "text",
    [
        r"$\href{javascript:alert(1)}{x}$",
        r"$&#92;href{javascript:alert(1)}{x}$",
        r"$\&#104;re&#x66;{javascript:alert(1)}{x}$",
        r"$\hr<wbr>ef{javascript:alert(1)}{x}$",
        r"$\hr<!-- -->ef{javascript:alert(1)}{x}$",
        r"$\require{html}\class{score}{x}\cssId{one}{x}\style{position:fixed}{x}$",
        r"$\let\h=\href \h{javascript:alert(1)}{x}$",
        r"$\csname href\endcsname{javascript:alert(1)}{x}$",
        r"\begin{align}\href{javascript:alert(1)}{x}\end{align}",
    ],
)
def test_tex_makes_no_links(text):
    for page in (clean(text), markdown_to_html(text)):
        shown = BeautifulSoup(page, "html.parser").get_text()
        assert not re.search(r"\\(href|require|class|cssId|style|csname)\b", shown)


def test_ordinary_tex_is_left_alone():
    tex = r"\frac{1}{N} \sum_i \hat{\ell}_{ij} \styles \hrefs \text{a}"
    assert harmless_tex(tex) == tex


def test_figures_points_asides_and_tables_survive():
    fig = new_figure(1.0, 1.0)
    figure = figure_html(fig, 'A line from "a" to b, and <nothing> else.')
    kept = BeautifulSoup(clean(figure), "html.parser").img
    assert kept["alt"] == 'A line from "a" to b, and <nothing> else.'
    assert kept["src"] == BeautifulSoup(figure, "html.parser").img["src"]
    assert kept["width"] == "96"
    assert "max-width:100%" in kept["style"]
    points = clean(Points(1.0, 3.0)._repr_html_())
    assert BeautifulSoup(points, "html.parser").b.get_text() == "○ 1 of 3 points"
    assert "#a04000" in points
    aside = "<details><summary>Why?</summary>\n\nBecause $a < b$, and `x <y> z`.\n\n> quoted\n\n</details>"
    soup = BeautifulSoup(markdown_to_html(aside), "html.parser")
    assert soup.details.summary.get_text() == "Why?"
    assert soup.blockquote.get_text().strip() == "quoted"
    assert soup.code.get_text() == "x <y> z"
    assert "$a < b$" in soup.get_text()
    table = '<table class="dataframe"><thead><tr><th scope="col" colspan="2">a</th></tr></thead></table>'
    assert clean(table) == table


def test_every_output_is_made_anew():
    made = harmless(rooms.hostile())
    nbformat.validate(made)
    for output in made.cells[0].outputs:
        data = output.get("data", {})
        assert set(data) <= {"text/html", "text/plain", "text/latex", "image/png"}
        assert not dangers(data.get("text/html", ""))
        assert rooms.RUN not in data.get("image/png", "")
        assert not output.get("metadata", {}).get("filenames")
        assert "isolated" not in str(output.get("metadata"))
    assert set(made.metadata) == {"language_info"}
    assert made.metadata.language_info == {"name": "python"}
    assert "widgets" not in made.metadata


def test_a_script_says_that_it_is_not_run():
    output = new_output("display_data", data={"application/javascript": "alert(1)"})
    (kept,) = harmless(new_notebook(cells=[new_code_cell("", outputs=[output])])).cells[0].outputs
    assert kept.data == {"text/plain": "(This output is a script or a widget, which is not run here.)"}


def test_a_widget_keeps_its_words():
    data = {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}, "text/plain": "loss 0.69"}
    cell = new_code_cell("", outputs=[new_output("display_data", data=data)])
    (kept,) = harmless(new_notebook(cells=[cell])).cells[0].outputs
    assert kept.data["text/plain"].startswith("loss 0.69")


def test_names_of_cells_cannot_break_out_of_an_attribute():
    notebook = rooms.graded()
    notebook.cells[0].id = 'x" onclick="alert(1)'
    notebook.cells[1].metadata.nbgrader.grade_id = '"><script>alert(1)</script>'
    made = harmless(notebook)
    assert made.cells[0].id == "cell-0"
    assert "nbgrader" not in made.cells[1].metadata
    assert made.cells[2].metadata.nbgrader.grade_id == "explain"


def test_harmless_twice_is_harmless_once():
    once = harmless(rooms.hostile())
    assert harmless(nbformat.from_dict(once)) == once


@pytest.mark.parametrize(
    "text",
    ["<div>" * MOST_TAGS, "<b " + 'a="b" ' * 33_000 + ">", "&amp;" * 39_000, "<table>" * 60_000, "x" * 10**7],
    ids=["nested", "attributes", "entities", "too many", "too long"],
)
@pytest.mark.timeout(120)
def test_hostile_html_comes_to_an_end(text):
    assert isinstance(clean(text), str)


HIDDEN = """assert visible(1) == 1
### BEGIN HIDDEN TESTS
assert secret_of(41) == "the answer nobody knows"
### END HIDDEN TESTS"""


def test_hidden_tests_are_in_no_cell_and_no_traceback():
    trace = ['----> 3 assert secret_of(41) == "the answer nobody knows"', "NameError: secret_of(41)"]
    check = new_code_cell(
        HIDDEN,
        outputs=[
            new_output("stream", name="stdout", text="the student's function was given 41"),
            new_output("error", ename="AssertionError", evalue="41", traceback=trace),
        ],
    )
    thief = new_code_cell(
        "print(In[-2])",
        outputs=[
            new_output("stream", name="stdout", text=f"{HIDDEN}\nkept\n"),
            new_output(
                "display_data",
                data={"text/plain": '\x1b[31massert  secret_of(41)=="the answer nobody knows"'},
            ),
        ],
    )
    made = without_hidden_tests(new_notebook(cells=[check, thief]))
    told = nbformat.writes(made)
    assert "secret_of" not in told
    assert "nobody knows" not in told
    assert "was given 41" not in told
    assert made.cells[0].source == "assert visible(1) == 1"
    assert made.cells[0].outputs[0].traceback == [f"AssertionError: {SAID}"]
    assert "kept" in made.cells[1].outputs[0].text


def test_points_of_a_cell_with_hidden_tests_stay():
    outputs = [
        new_output(
            "execute_result", data={"text/plain": "0.5", "text/html": "secret_of(41)"}, execution_count=1
        ),
        new_output("execute_result", data={"text/plain": "[41, 42]"}, execution_count=1),
    ]
    cell = new_code_cell(HIDDEN, outputs=outputs)
    (kept,) = without_hidden_tests(new_notebook(cells=[cell])).cells[0].outputs
    assert kept.data == {"text/plain": "0.5"}


def test_a_hidden_region_that_never_ends_hides_the_rest():
    cell = new_code_cell("a = 1\n### BEGIN HIDDEN TESTS\nassert a == 2")
    assert without_hidden_tests(new_notebook(cells=[cell])).cells[0].source == "a = 1"


def test_a_page_has_a_policy_no_script_and_drawn_formulas():
    page = static(
        "<html><head><title>$x$</title><script>a</script></head><body onload='a'><p>So $\\frac{1}{N}$ and "
        "$\\unknown{x}$.</p><pre>$y$</pre></body></html>"
    )
    soup = BeautifulSoup(page, "html.parser")
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy
    assert not soup.find_all("script")
    assert "onload" not in soup.body.attrs
    (picture,) = soup.find_all("img")
    assert picture["alt"] == r"\frac{1}{N}"
    assert "$\\unknown{x}$" in soup.p.get_text()
    assert soup.pre.get_text() == "$y$"
