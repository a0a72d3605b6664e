"""The formulas of a page as pictures, each with its TeX as alt text: no script has to come and set them."""

from __future__ import annotations

import base64
import re

from bs4 import BeautifulSoup, NavigableString, Tag
from bs4.element import PreformattedString

#: More are left as text: a page of nothing but formulas is no honest notebook's.
MOST_FORMULAS = 600
_MATHEMATICS = re.compile(r"\$\$(?P<display>[^$]+)\$\$|\$(?P<inline>[^$\n]+(?:\n[^$\n]+)*)\$")
_VERBATIM = {"pre", "code", "style", "title", "script", "textarea"}


def draw_mathematics(soup: BeautifulSoup) -> None:
    """Put a picture in the place of every formula that can be drawn; the others stay as TeX."""
    left = MOST_FORMULAS
    for text in list(soup.find_all(string=_MATHEMATICS)):
        if isinstance(text, PreformattedString) or any(parent.name in _VERBATIM for parent in text.parents):
            continue
        parts: list[Tag | NavigableString] = []
        end = 0
        for match in _MATHEMATICS.finditer(text):
            drawn = (
                _picture(soup, match["display"] or match["inline"], bool(match["display"])) if left else None
            )
            if drawn is not None:
                parts += [NavigableString(text[end : match.start()]), drawn]
                end = match.end()
                left -= 1
        if parts:
            text.replace_with(*parts, NavigableString(text[end:]))


def _picture(soup: BeautifulSoup, tex: str, display: bool) -> Tag | None:
    # matplotlib takes a second to import, which only a page with mathematics should pay for.
    from course_lib.figures.mathematics import draw_formula

    formula = draw_formula(tex, display)
    if formula is None:
        return None
    source = base64.b64encode(formula.svg.encode("utf-8")).decode("ascii")
    style = f"width:{formula.width:.1f}pt;max-width:100%;vertical-align:{-formula.depth:.1f}pt"
    if display:
        style += ";display:block;margin:1em auto"
    attributes = {"alt": " ".join(tex.split()), "style": style, "src": f"data:image/svg+xml;base64,{source}"}
    return soup.new_tag("img", attrs=attributes)
