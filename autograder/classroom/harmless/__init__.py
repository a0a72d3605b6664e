"""Making what a student wrote harmless to whoever looks at it: HTML, SVG, scripts, Markdown, TeX, widgets."""

from autograder.classroom.harmless.markup import clean, clean_html, harmless_tex, highlight, markdown
from autograder.classroom.harmless.outputs import Harmless, harmless

__all__ = ["Harmless", "clean", "clean_html", "harmless", "harmless_tex", "highlight", "markdown"]
