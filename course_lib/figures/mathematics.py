"""A formula as a drawing, for pages on which no script may run."""

import io
import re
from functools import lru_cache
from typing import NamedTuple

import matplotlib
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text

from course_lib.figures.style import course_style, new_figure

#: Longer or deeper formulas stay text: drawing takes time that grows with both.
MOST_CHARACTERS = 800
MOST_NESTED = 12
SIZE = 10.5  # points: 14 pixels, as the text beside it
_POINTS = 72  # to the inch: sizes below are in points

#: TeX that matplotlib's parser does not know, in words that it knows.
_SYNONYMS = {
    r"\\[lr]Vert(?![A-Za-z])": r"\\Vert ",
    r"\\[lr]vert(?![A-Za-z])": r"\\vert ",
    r"\\(ge|le|ne)(?![A-Za-z])": r"\\\1q ",
    r"\\[bB]igg?[lr]?(?![A-Za-z])": "",
    r"\\operatorname\s*\{([A-Za-z]*)\}": r"\\mathrm{\1}\\,",
    r"\\boldsymbol(?![A-Za-z])": r"\\mathbf",
    r"\\(text|textrm|mathsf)\s*(?=\{)": r"\\mathrm",
    r"\\mathsf\s+(\w)": r"\\mathrm{\1}",
    r"\\[tdc]?frac\s*(\d|(?<=\s)[A-Za-z])\s*(\d|[A-Za-z])": r"\\frac{\1}{\2}",
    r"\\[tdc]frac(?![A-Za-z])": r"\\frac",
    r"\\bmod(?![A-Za-z])": r"\\ \\mathrm{mod}\\ ",
    r"\\top(?![A-Za-z])": r"\\mathrm{T}",
}


class Formula(NamedTuple):
    """A drawn formula: its SVG, and width, height and depth below the line of text, in points."""

    svg: str
    width: float
    height: float
    depth: float


@lru_cache(maxsize=4096)
def draw_formula(tex: str, display: bool = False) -> Formula | None:
    r"""Draw a formula.

    Parameters
    ----------
    tex : str
        TeX without dollars, such as ``\frac{1}{N}``.
    display : bool
        Whether it has a line of its own, where fractions are large.

    Returns
    -------
    Formula or None
        The same bytes for the same formula; None if it is empty, very long, or uses TeX that matplotlib
        does not draw (it has no environments).
    """
    tex = " ".join(tex.split())
    if not tex or len(tex) > MOST_CHARACTERS or tex.count("$") or _depth(tex) > MOST_NESTED:
        return None
    for unknown, known in _SYNONYMS.items():
        tex = re.sub(unknown, known, tex)
    text = f"${_enlarged(tex) if display else tex}$"
    with course_style(), matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": "formula"}):
        font = FontProperties(size=SIZE)
        try:
            width, height, depth, _, _ = MathTextParser("path").parse(text, dpi=_POINTS, prop=font)
        except (ValueError, RecursionError):  # matplotlib's error for TeX that it does not know
            return None
        if not 0 < width < 2000 or not 0 < height < 1000:
            return None
        figure = new_figure(height / _POINTS, width / _POINTS, constrained=False)
        figure.add_artist(Text(0, depth / height, text, fontproperties=font, color="black"))
        drawn = io.BytesIO()
        metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(drawn, format="svg", transparent=True, metadata=metadata)
    svg = drawn.getvalue().decode("utf-8")
    return Formula(svg[svg.index("<svg") :], width, height, depth)


def _enlarged(tex: str) -> str:
    """Large fractions, but for those inside other parts."""
    parts = tex.split(r"\frac")
    made = parts[0]
    for part in parts[1:]:
        inside = made.count("{") - made.count("}") or made.endswith(("^", "_"))
        made += (r"\frac" if inside else r"\dfrac") + part
    return made


def _depth(tex: str) -> int:
    deepest = open_now = 0
    for character in tex:
        open_now += (character == "{") - (character == "}")
        deepest = max(deepest, open_now)
    return deepest
