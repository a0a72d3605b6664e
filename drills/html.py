"""A card's Markdown as HTML whose mathematics MathJax renders, as Anki and browsers want it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

_OPENS_MATHEMATICS = re.compile(r"[$\\]")


def html(text: str, highlight: Callable[[str, str], str] | None = None) -> str:
    r"""Render Markdown; TeX between dollars goes between ``\(`` and ``\)``, or ``\[`` and ``\]``.

    HTML in the text is shown, not obeyed.

    Parameters
    ----------
    text : str
    highlight : callable, optional
        Returns the HTML of a program, given it and the name of its language.
    """
    return _renderer(highlight).render(text).strip()


@cache
def _renderer(highlight: Callable[[str, str], str] | None) -> MarkdownIt:
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    if highlight:
        renderer.options["highlight"] = lambda program, language, _: highlight(program, language)
    renderer.add_render_rule("text", _words)
    return renderer.use(dollarmath_plugin, allow_digits=True, renderer=_mathematics)


def _mathematics(tex: str, options: dict[str, Any]) -> str:
    left, right = (r"\[", r"\]") if options["display_mode"] else (r"\(", r"\)")
    return left + escape(tex, quote=False) + right


def _words(_: RendererHTML, tokens: Sequence[Token], place: int, *__: Any) -> str:
    """Words, in which MathJax finds no mathematics: in JupyterLab it takes plain dollars for some."""
    return _OPENS_MATHEMATICS.sub(r"<span>\g<0></span>", escape(tokens[place].content, quote=False))
