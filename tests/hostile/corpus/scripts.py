"""Scripts that a notebook shows: in outputs, in cells, in metadata that become attributes of a page."""

from __future__ import annotations

from typing import Any

import nbformat

from .attack import ALL, Attack, Draft
from .checks import no_script
from .making import insert, rework

THEME = "scripts"
SHOW = "from IPython.display import display\n"


def _script(name: str, tries: str, *steps: Any) -> Attack:
    return Attack(name, THEME, tries, steps, keeps=ALL, says=None, checks=(no_script,))


def _shows(name: str, tries: str, data: str, metadata: str = "{}") -> Attack:
    return _script(name, tries, insert(f"{SHOW}display({data}, raw=True, metadata={metadata})"))


def _text(name: str, tries: str, source: str) -> Attack:
    return _script(name, tries, insert(source, markdown=True))


def _raw(draft: Draft) -> None:
    for kind in ("text/html", "text/markdown", "text/latex"):
        cell = nbformat.v4.new_raw_cell(
            "<script>pwned()</script>", metadata={"raw_mimetype": kind, "format": kind}
        )
        draft.notebook.cells.append(cell)


def _attachment(draft: Draft) -> None:
    cell = nbformat.v4.new_markdown_cell("![x](attachment:x.svg)")
    cell.attachments = {
        "x.svg": {
            "image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg' onload='pwned()'/>",
            "text/html": '"><script>pwned()</script>',
        }
    }
    draft.notebook.cells.append(cell)


def _metadata(draft: Draft) -> None:
    poison = '"><script>pwned()</script><img src=x onerror="pwned()'
    draft.notebook.metadata.update(title=poison, authors=[{"name": poison}])
    draft.notebook.metadata["language_info"] = {
        "name": poison,
        "pygments_lexer": poison,
        "mimetype": poison,
        "codemirror_mode": poison,
    }
    draft.notebook.metadata.kernelspec["display_name"] = poison


def _cell_ids(draft: Draft) -> None:
    for cell in draft.notebook.cells[:20]:
        cell.id = '"><script>pwned()</script>'
        cell.metadata["tags"] = ['"><img src=x onerror=pwned()>']


def _widgets(draft: Draft) -> None:
    draft.notebook.metadata["widgets"] = {
        "application/vnd.jupyter.widget-state+json": {
            "version_major": 2,
            "version_minor": 0,
            "state": {
                "a": {
                    "model_name": "HTMLModel",
                    "model_module": "</script><script>pwned()</script>",
                    "state": {"value": "<img src=x onerror=pwned()>"},
                }
            },
        }
    }


attacks = [
    _shows("html_script", "HTML with a script", "{'text/html': '<script>pwned()</script>'}"),
    _shows("html_handlers", "HTML with handlers, frames, forms and addresses", "{'text/html': '<img src=x onerror=pwned()><details ontoggle=pwned() open>x</details><iframe srcdoc=\"<script>pwned()</script>\"></iframe><a href=\"java&#10;script:pwned()\">x</a><object data=\"javascript:pwned()\"></object><form action=\"javascript:pwned()\"><button>x</button></form><math href=\"javascript:pwned()\">x</math>'}"),
    _shows("html_unclosed", "HTML that leaves the place it was put in", "{'text/html': '</div></div></pre></body><script>pwned()</script><!--'}"),
    _shows("html_namespaces", "HTML that changes its meaning when it is parsed twice", "{'text/html': '<svg></p><style><a id=\"</style><img src=1 onerror=pwned()>\">'}"),
    _shows("javascript", "JavaScript as an output", "{'application/javascript': 'pwned()', 'text/plain': 'x'}"),
    _shows("svg_script", "SVG with scripts and handlers", "{'image/svg+xml': '<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"pwned()\"><script>pwned()</script><a href=\"javascript:pwned()\"><text>x</text></a></svg>'}"),
    _shows("markdown_output", "Markdown as an output, with HTML and addresses", "{'text/markdown': '<script>pwned()</script> [x](javascript:pwned()) <img src=x onerror=pwned()>'}"),
    _shows("tex_output", "TeX as an output, with an address", "{'text/latex': '$\\\\\\\\href{javascript:pwned()}{x}$'}"),
    _shows("picture_no_picture", "a picture whose data close their attribute", "{'image/png': 'x\"><script>pwned()</script>'}"),
    _shows("picture_sizes", "a picture whose width closes its attribute", "{'image/png': 'iVBORw0KGgo='}", "{'image/png': {'width': '1\" onload=\"pwned()', 'height': '1', 'alt': '\"><script>pwned()</script>'}}"),
    _shows("pdf_and_others", "outputs of kinds that pages embed", "{'application/pdf': 'javascript:pwned()', 'text/vnd.mermaid': '</pre><script>pwned()</script>', 'application/geo+json': {}, 'video/mp4': '\"><script>pwned()</script>'}"),
    _shows("widget_view", "a widget that runs code of its own", "{'application/vnd.jupyter.widget-view+json': {'model_id': '</script><script>pwned()</script>', 'version_major': 2, 'version_minor': 0}, 'text/plain': 'x'}"),
    _script("widget_with_html", "a real widget that shows HTML with a handler", insert("import ipywidgets\nipywidgets.HTML('<img src=x onerror=pwned()>')")),
    _script("stdout_markup", "markup and terminal escapes on stdout and stderr", insert("import sys\nprint('</pre><script>pwned()</script>\\x1b]8;;javascript:pwned()\\x07x\\x1b]8;;\\x07')\nprint('\\x1b[31m<img src=x onerror=pwned()>', file=sys.stderr)")),
    _script("error_markup", "markup in an exception's name, text and traceback", insert("error = type('<script>pwned()</script>', (Exception,), {})\nraise error('</pre><img src=x onerror=pwned()>')")),
    _text("markdown_script", "a script in Markdown", "<script>pwned()</script>\n\n<img src=x onerror=pwned()>\n\n<svg onload=pwned()></svg>"),
    _text("markdown_addresses", "addresses in Markdown that are scripts", "[a](javascript:pwned()) [b](JaVaScRiPt:pwned()) <javascript:pwned()> [c](data:text/html,<script>pwned()</script>)\n\n<a href=\"&#106;avascript:pwned()\">d</a>"),
    _text("markdown_tex", "TeX in Markdown, with an address", "$\\href{javascript:pwned()}{x}$ and $$\\href {javascript:pwned()}{y}$$"),
    _script("raw_cells", "raw cells that say they are HTML", rework(_raw)),
    _script("attachments", "attachments that are no pictures", rework(_attachment)),
    _script("metadata_markup", "markup in the notebook's title, authors, language and kernel", rework(_metadata)),
    _script("cell_ids_markup", "markup in ids and tags of cells", rework(_cell_ids)),
    _script("widget_state", "a saved state of widgets that closes its script", rework(_widgets)),
    _script("answer_prints_markup", "markup printed and raised by an answer", insert("", before="end"), rework(lambda draft: draft.cell("recall_at_k").update(source="def recall_at_k(similarity, k):\n    '''<script>pwned()</script>'''\n    print('</pre><script>pwned()</script>')\n    better = (similarity >= similarity.diagonal()[:, None]).sum(1) - 1\n    return (better < k).double().mean()"))),
    Attack("verdict_markup", THEME, "markup in what a verdict quotes: an exception's type and text, a line of code", (rework(lambda draft: draft.cell("recall_at_k").update(source="def recall_at_k(similarity, k):\n    raise type('</pre><script>pwned()</script>', (Exception,), {})('</pre><img src=x onerror=pwned()>')  # <script>pwned()</script>")),), earns={"recall_at_k": 0.0}, keeps=ALL, says=None, checks=(no_script,)),
]  # fmt: skip
