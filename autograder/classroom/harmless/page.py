"""Feedback as a page that runs nothing: nbgrader's template, then no script and a policy that allows none."""

from __future__ import annotations

from typing import Any

from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests

from autograder.classroom.harmless.hidden import without_hidden_tests
from autograder.classroom.harmless.pictures import draw_mathematics

#: A page for a browser that trusts nothing in it: style and pictures that it carries itself, and no more.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; base-uri 'none'; "
    "form-action 'none'"
)


class FeedbackExporter(HTMLExporter):
    """nbgrader's feedback page of one notebook, without hidden tests and without anything that could run.

    Mathematics is drawn beforehand, since no MathJax comes to do it.
    """

    def from_notebook_node(  # type: ignore[override]  # as nbconvert's own HTMLExporter
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Write the page of a notebook."""
        visible = without_hidden_tests(nb, ClearHiddenTests(parent=self))
        page, resources = super().from_notebook_node(visible, resources, **kw)
        return static(page), resources


def static(page: str) -> str:
    """A page of nbgrader's without its scripts, with a policy that allows none, and drawn mathematics."""
    soup = BeautifulSoup(page, "html.parser")
    for element in soup(["script", "link", "iframe", "object", "embed", "base", "meta"]):
        element.decompose()
    for element in soup.find_all(True):
        for name in [name for name in element.attrs if name.lower().startswith("on")]:
            del element[name]
    if soup.html is not None:
        soup.html["lang"] = "en"
    if soup.head is not None:
        policy = soup.new_tag("meta", attrs={"http-equiv": "Content-Security-Policy", "content": POLICY})
        charset = soup.new_tag("meta", attrs={"charset": "utf-8"})
        width = soup.new_tag("meta", attrs={"name": "viewport", "content": "width=device-width"})
        for place, tag in enumerate((charset, policy, width)):
            soup.head.insert(place, tag)
    draw_mathematics(soup)
    return str(soup)
