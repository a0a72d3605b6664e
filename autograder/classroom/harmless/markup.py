"""HTML, Markdown and TeX without anything that runs, asks another machine, or dresses up as the page.

`bleach` (which nbconvert uses for the same purpose) parses as a browser does and lets through only what is
listed here. Lists of what is allowed stay right when browsers learn something new; lists of what is
forbidden do not.
"""

from __future__ import annotations

import html
import re
from functools import cache
from typing import Any

from bleach.css_sanitizer import CSSSanitizer
from bleach.sanitizer import Cleaner
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

#: Text, tables, pictures and `<details>`: nothing that runs, loads, takes input or embeds another page.
TAGS = frozenset(
    (
        *("a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "del"),
        *(
            "details",
            "div",
            "dl",
            "dt",
            "em",
            "figcaption",
            "figure",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
        ),
        *(
            "i",
            "img",
            "ins",
            "kbd",
            "li",
            "mark",
            "ol",
            "p",
            "pre",
            "q",
            "s",
            "samp",
            "small",
            "span",
            "strong",
        ),
        *(
            "sub",
            "summary",
            "sup",
            "table",
            "tbody",
            "td",
            "tfoot",
            "th",
            "thead",
            "tr",
            "tt",
            "u",
            "ul",
            "var",
        ),
    )
)

#: Not ``position``, ``margin`` or ``z-index``, with which a text can lie over the page's own scores.
STYLES = frozenset(
    (
        *("background-color", "border", "border-collapse", "color", "font-style", "font-weight", "height"),
        *("max-width", "padding", "text-align", "text-decoration", "vertical-align", "white-space", "width"),
    )
)

#: Pictures not counted. Larger texts take the parser long (the time grows with the square of nested tags and
#: of attributes) and tell a reader nothing: a class of submissions is to be shown, hostile ones too.
MOST_CHARACTERS = 200_000
MOST_TAGS = 5_000

#: Classes of highlighted code and of pandas; others could hook into the page's style and scripts.
_CLASS = re.compile(r"highlight|dataframe|hll|[a-z]{1,2}[0-9a-z]?")
_PIXELS = re.compile(r"base64,[A-Za-z0-9+/=]+")
#: Taken out with all their text, for the reader's sake; their tags alone would not be let through either.
_UNSEEN = re.compile(r"<(script|style|template|noscript)\b[^>]*>.*?(</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_LINK = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
#: A picture beside the notebook. formgrader serves it from there, and only as a picture.
_FILE = re.compile(r"(?!.*\.\.)[\w-][\w ./-]*\.(png|jpe?g|gif|webp)", re.IGNORECASE)

#: What MathJax turns into links, attributes or further extensions. Without the backslash it is only text.
_TEX = re.compile(
    r"\\(href|url|require|html[A-Za-z]*|class|cssId|style|data|mmlToken|csname|includegraphics|texttip|mathtip|toggle)"
    r"(?![A-Za-z])"
)


def clean(text: str) -> str:
    """HTML with only what is allowed, or a sentence in its place if it is too much to look through.

    Parameters
    ----------
    text : str
        HTML that a student's code produced.

    Returns
    -------
    str
        HTML that runs nothing and loads nothing. TeX commands that make links or attributes are undone, in
        whatever way they were written.
    """
    text = _UNSEEN.sub("", text)
    if _size(text) > MOST_CHARACTERS or text.count("<") > MOST_TAGS:
        return f"<p><em>(HTML of {len(text):,} characters is not shown here.)</em></p>"
    try:
        cleaned = _cleaner().clean(text)
    except RecursionError:
        return "<p><em>(HTML that is nested too deeply is not shown here.)</em></p>"
    parts = re.split(r"(<[^>]*>)", cleaned)  # bleach writes > inside attributes as &gt;
    return "".join(part if part.startswith("<") else _text(part) for part in parts)


def clean_html(element: object) -> str:
    """`clean` under the name and signature of nbconvert's filter, whose place it takes in templates."""
    return clean(element.decode() if isinstance(element, bytes) else str(element))


@pass_context
def markdown(context: Context, source: str) -> str:
    """Nbconvert's Markdown filter, with harmless HTML as its result.

    The source is translated first: what Markdown makes of a text cannot be told from the text.
    """
    attachments = (context.get("cell") or {}).get("attachments") or {}
    return markdown_to_html(source, attachments)


def highlight(source: str, language: object = None, metadata: object = None, **options: object) -> str:
    """Nbconvert's filter for code, which would put a language's name from the notebook into the page."""
    return Highlight2HTML(pygments_lexer="ipython3")(source)


def markdown_to_html(source: str, attachments: dict[str, Any] | None = None) -> str:
    """Translate Markdown with mathematics into harmless HTML."""
    if _size(source) > MOST_CHARACTERS:
        return f"<p><em>(A text of {len(source):,} characters is not shown here.)</em></p>"
    given = {name: data for name, data in (attachments or {}).items() if data}
    renderer = _Renderer(escape=False, attachments=given, exclude_anchor_links=True)
    try:
        return clean(MarkdownWithMath(renderer=renderer).render(source))
    except RecursionError:
        return f"<pre>{html.escape(source)}</pre>"


def harmless_tex(text: str) -> str:
    r"""TeX without commands that make links or attributes or load extensions: ``\href`` becomes ``href``."""
    return _TEX.sub(r"\1", text)


class _Renderer(IPythonRenderer):
    """nbconvert's renderer, which stops the whole page when a picture is missing."""

    def _embed_image_or_attachment(self, src: str) -> str:
        name = src.removeprefix("attachment:")
        if name != src and name not in self.attachments:
            return "missing"
        return super()._embed_image_or_attachment(src)

    def block_mermaidjs(self, code: str) -> str:
        return f"<pre>{self.escape_html(code)}</pre>"


def _size(text: str) -> int:
    return len(_PIXELS.sub("", text))


def _text(part: str) -> str:
    """Escaped text; written anew only where it holds TeX that does something, maybe behind entities."""
    plain = html.unescape(part)
    harmless = harmless_tex(plain)
    return part if harmless == plain else html.escape(harmless, quote=False)


@cache
def _cleaner() -> Cleaner:
    return Cleaner(
        tags=TAGS,
        attributes=_allowed,
        protocols={"http", "https", "mailto", "data"},
        strip=True,  # <wbr> inside \href would fall apart otherwise; the text that is left is looked through
        strip_comments=True,
        css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES),
    )


def _allowed(tag: str, name: str, value: str) -> bool:
    """Whether an attribute may stay. No ids: scripts of the page find their own parts by them."""
    if name == "class":
        return all(_CLASS.fullmatch(one) for one in value.split())
    if name == "style":
        return not re.search(r"url|expression|[\\@]", value, re.IGNORECASE)
    if name in ("title", "lang", "dir"):
        return True
    if tag == "a":
        return name == "href" and _LINK.match(value.strip()) is not None
    if tag == "img":
        if name == "src":
            return bool(_PICTURE.fullmatch(value.strip()) or _FILE.fullmatch(value))
        return name in ("alt", "width", "height")
    if tag in ("td", "th", "col", "colgroup"):
        return name in ("colspan", "rowspan", "scope", "span")
    return (tag, name) in {("details", "open"), ("ol", "start"), ("abbr", "title")}
