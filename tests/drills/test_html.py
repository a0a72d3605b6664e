"""Markdown with TeX as HTML: for MathJax, and without anything that runs."""

from __future__ import annotations

from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from drills.html import html


def test_mathematics_goes_between_what_mathjax_looks_for():
    assert r"\(x_i&lt;y\)" in html("a $x_i<y$ b")
    assert r"\[\sum_j a &amp; b\]" in html("$$\\sum_j a & b$$")


def test_underscores_and_stars_of_mathematics_are_no_emphasis():
    assert "<em>" not in html("$a_1 * b_1$ and $a_2 * b_2$")


def test_a_plain_dollar_opens_nothing():
    soup = BeautifulSoup(html(r"\$5 and \$6"), "html.parser")
    assert soup.text == "$5 and $6"
    assert not any("$" in str(text) and len(text) > 1 for text in soup.find_all(string=True))


def test_code_is_kept_as_it_is():
    assert html("```python\nx = 1 < 2 ** $y$\n```") == (
        '<pre><code class="language-python">x = 1 &lt; 2 ** $y$\n</code></pre>'
    )


@given(
    st.text()
    | st.sampled_from(["<script>alert(1)</script>", "[a](javascript:alert(1))", "$<img onerror=x>$"])
)
def test_nothing_in_it_runs(text):
    soup = BeautifulSoup(html(text), "html.parser")
    assert not soup.find_all(["script", "iframe", "style"])
    assert not [tag for tag in soup.find_all(True) for name in tag.attrs if name.startswith("on")]
    assert not [
        tag for tag in soup.find_all(href=True) if tag["href"].strip().lower().startswith("javascript")
    ]
