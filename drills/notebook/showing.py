"""What is shown: sentences with typeset mathematics, programs in colour, what was replied."""

from __future__ import annotations

import re
from html import escape, unescape

import ipywidgets
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from drills.html import html
from drills.maths import readable
from drills.replies import in_words
from drills.sessions import Said
from drills.steps import AskChoice, AskCode, AskConfidence, AskFormula, AskNumber, AskText, Beside, Show

_TAG = re.compile(r"<[^>]*>")
_MARKS = {"right": "✓ ", "wrong": "✗ ", "weak": "△ "}  # beside the colour, and the title's own words


def prose(text: str) -> ipywidgets.HTMLMath:
    """Markdown with TeX, typeset by the MathJax of the page."""
    return ipywidgets.HTMLMath(_common(html(text, coloured)))


def coloured(program: str, language: str) -> str:
    """A program as HTML whose classes say what each word is; as it is, in a language that is not known."""
    try:
        lexer = get_lexer_by_name(language or "text", stripnl=False, ensurenl=False)
    except ClassNotFound:
        return escape(program)
    return str(highlight(program, lexer, HtmlFormatter(nowrap=True)))


def shown(step: Show) -> ipywidgets.VBox:
    """A step on which nothing is asked."""
    if isinstance(step, Beside):
        parts = ((step.title, step.text), (step.other_title, step.other))
        columns = [ipywidgets.VBox([_title(title), prose(text)]) for title, text in parts]
        inside = [classed(ipywidgets.Box(columns), "drill-beside")]
    else:
        # The question needs no title: it stands on top.
        title = [] if step.look == "question" or not step.title else [_title(step.title, step.look)]
        inside = [*title, prose(step.text)]
    return classed(ipywidgets.VBox(inside), "drill-show", f"drill-{step.look}")


def replied(said: Said) -> ipywidgets.HTMLMath | None:
    """A question that is over and the reply to it; None where that goes without saying."""
    step, reply = said.step, said.reply
    if isinstance(step, AskConfidence) and reply is None:
        return None
    words = in_words(step, reply)
    if reply is not None and isinstance(step, AskChoice):
        inside = f'<p class="drill-you">You chose:</p>{html(words)}'
    elif reply and isinstance(step, AskText | AskCode):
        inside = f'<p class="drill-you">You wrote:</p><pre class="drill-typed">{escape(words.rstrip())}</pre>'
    else:
        typed = isinstance(step, AskNumber | AskFormula) and reply
        answer = f"<code>{escape(words)}</code>" if typed else f"<b>{escape(words)}</b>"
        asks = html(step.text)
        joined = asks.removesuffix("</p>") if asks.endswith("</p>") else f"{asks}<p>"
        inside = f"{joined} {answer}</p>"
    return classed(ipywidgets.HTMLMath(_common(inside)), "drill-said")


def aloud(text: str) -> str:
    """Markdown with TeX as plain words, for the label of what is seen typeset."""
    return " ".join(unescape(_TAG.sub(" ", html(readable(text)))).split())


def _title(words: str, look: str = "note") -> ipywidgets.HTML:
    return ipywidgets.HTML(f'<p class="drill-title">{_MARKS.get(look, "")}{escape(words)}</p>')


def _common(inside: str) -> str:
    """HTML with the looks of a Markdown cell."""
    return f'<div class="jp-RenderedHTMLCommon">{inside}</div>'


def classed(widget: ipywidgets.DOMWidget, *names: str) -> ipywidgets.DOMWidget:
    """The widget, with names for the style sheet."""
    for name in names:
        widget.add_class(name)
    return widget
