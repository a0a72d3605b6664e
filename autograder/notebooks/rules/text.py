"""Rules on what is read: headings in order, a text for every picture, maths that every front end renders."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from autograder.notebooks.rules.lesson import Finding, Lesson, parsed

_FENCED = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
_INLINE_CODE = re.compile(r"`[^`\n]+`")
_MATH = re.compile(r"(?<!\\)\$\$(.+?)(?<!\\)\$\$|(?<!\\)\$(.+?)(?<!\\)\$", re.DOTALL)
# What KaTeX (VS Code, Colab, GitHub) does not know or does differently from MathJax (JupyterLab).
_UNSAFE = re.compile(
    r"\\((?:re|provide)?newcommand|(?:Declare\w+)|def|let|require|label|(?:eq)?ref|mathchoice|unicode|style|class"
    r"|cssId|bbox|hdotsfor|shoveleft|shoveright|mspace|begin\{(?:eqnarray|multline|flalign|subequations|math)\*?\})"
    r"(?![A-Za-z])"
)
_DISPLAY_ONLY = re.compile(r"\\begin\{(?:align|gather|alignat|equation)\*?\}")


def headings(markdown: str) -> list[tuple[int, str]]:
    """Level and text of the headings in a Markdown cell."""
    found = re.findall(r"^(#{1,6})\s+(.*?)\s*#*$", _FENCED.sub("", markdown), re.MULTILINE)
    return [(len(marks), text) for marks, text in found]


def headings_in_order(lesson: Lesson) -> Iterator[Finding]:
    """One title, first of all, and no level skipped: screen readers navigate by it."""
    before = 0
    for position, cell in lesson.markdown():
        for level, text in headings(cell.source):
            if level == 1 and before:
                yield position, f"{text!r} is a second title; use `##`."
            elif level > before + 1:
                above = f"level {before}" if before else "no title"
                yield position, f"heading {text!r} has level {level} below {above}."
            before = level
    if not before:
        yield None, "it has no title (`# ...`)."


def figures_have_text(lesson: Lesson) -> Iterator[Finding]:
    """Every ``show(`` has its ``alt=``, which is not empty."""
    for position, cell in lesson.code():
        for node in ast.walk(parsed(cell)):
            called = node.func if isinstance(node, ast.Call) else None
            if getattr(called, "id", getattr(called, "attr", "")) == "show":
                assert isinstance(node, ast.Call)
                alt = next((keyword.value for keyword in node.keywords if keyword.arg == "alt"), None)
                if alt is None or (isinstance(alt, ast.Constant) and not str(alt.value or "").strip()):
                    yield position, "show(...) needs alt=, the figure in words."


def images_have_text(lesson: Lesson) -> Iterator[Finding]:
    """Every image in Markdown or HTML has its alternative text."""
    for position, cell in enumerate(lesson.solved.cells):
        text = _INLINE_CODE.sub("", _FENCED.sub("", cell.source)) if cell.cell_type == "markdown" else ""
        for alt, target in re.findall(r"!\[(.*?)\]\(([^)\s]*)", text, re.DOTALL):
            if not alt.strip():
                yield position, f"the image {target} needs alternative text between its brackets."
        for tag in re.findall(r"<img\b[^>]*>", text or cell.source):
            if not re.search(r"\balt\s*=\s*(\"\s*[^\"\s]|'\s*[^'\s]|\\\"|\{)", tag):
                yield position, f"{tag[:60]} needs alt=."


def maths_is_portable(lesson: Lesson) -> Iterator[Finding]:
    """Formulas are closed, balanced, and use what both KaTeX and MathJax know."""
    for position, cell in lesson.markdown():
        text = _INLINE_CODE.sub("", _FENCED.sub("", cell.source))
        if re.search(r"\\\\?[(\[](?=.*\\\\?[)\]])", _MATH.sub("", text)):
            yield position, "write formulas between dollar signs."
        if re.search(r"(?<!\\)\$", _MATH.sub("", text)):
            yield position, "a dollar sign opens a formula that is not closed."
        for display, inline in _MATH.findall(text):
            if problem := _maths_problem(display or inline, inline=bool(inline)):
                formula = " ".join((display or inline).split())
                yield position, f"the formula {formula[:40]!r} {problem}."


def _maths_problem(formula: str, *, inline: bool) -> str:
    if found := _UNSAFE.search(formula):
        return f"uses {found.group()}, which does not render everywhere"
    if inline and (found := _DISPLAY_ONLY.search(formula)):
        return f"uses {found.group()}, which KaTeX knows only between double dollar signs"
    bare = re.sub(r"\\\\|\\[{}]", "", formula)
    if bare.count("{") != bare.count("}"):
        return "has unbalanced braces"
    if len(re.findall(r"\\left(?![a-z])", bare)) != len(re.findall(r"\\right(?![a-z])", bare)):
        return r"has a \left without its \right, or the other way round"
    if sorted(re.findall(r"\\begin\{(.+?)\}", bare)) != sorted(re.findall(r"\\end\{(.+?)\}", bare)):
        return r"has a \begin without its \end"
    return ""


TEXT_RULES = (headings_in_order, figures_have_text, images_have_text, maths_is_portable)
