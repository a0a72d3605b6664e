"""Showing: the question in a frame, what is revealed under a title, mathematics readable."""

from __future__ import annotations

import re
import sys
from typing import TextIO, cast

from rich.console import Console
from rich.markdown import Markdown
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from drills.maths import readable
from drills.steps import Beside, Show
from drills.terminal.fallback import speak_plainly
from drills.terminal.page import Page

WIDEST = 96  # columns: longer lines are hard to read
_CODE_THEME = "ansi_dark"  # the terminal's own colours
_THEME = Theme(
    {
        "markdown.code": "bold",
        "markdown.item.bullet": "none",
        "markdown.item.number": "none",
        "question": "cyan",
        "answer": "bold blue",
        "right": "bold green",
        "wrong": "bold red",
        "note": "bold",
        "weak": "bold yellow",
        "hint": "dim",
    }
)


_PROGRAM = re.compile(r"```python\n((?:(?!```).)*)```", re.DOTALL)


class Screen:
    """A terminal, or what stands in for one.

    Parameters
    ----------
    stream : text stream, optional
        By default the standard output.
    tex : bool
        Show mathematics as TeX rather than as Unicode; so it is in any case where there is no Unicode.
    """

    def __init__(self, stream: TextIO | None = None, *, tex: bool = False) -> None:
        stream = sys.stdout if stream is None else stream
        speak_plainly(stream)
        self.page = Page(stream)
        self.console = Console(
            file=cast("TextIO", self.page), theme=_THEME, highlight=False, emoji=False, force_jupyter=False
        )
        # Without Unicode scripts would lie on the line: x2 is no square.
        self.tex = tex or not self.console.encoding.startswith("utf")
        self.console.width = min(self.console.width, WIDEST)

    def say(self, text: str, style: str = "") -> None:
        """Print plain text."""
        self.console.print(Text(text, style=style))

    def hint(self, text: str) -> None:
        """Print what is good to know and may be overlooked."""
        self.say(text, "hint")

    def head(self, text: str) -> None:
        """Begin a card."""
        self.console.print()
        self.console.print(Rule(Text(text, style="note"), align="left", style="hint"))

    def prose(self, text: str) -> None:
        """Print Markdown with TeX."""
        self.console.print(self._markdown(text))

    def is_full(self, step: Show) -> bool:
        """Whether a step would push from the screen what nobody has had the time to read."""
        with self.console.capture() as shown:
            self.show(step)
        return self.page.lines > 0 and self.page.lines + shown.get().count("\n") >= self.console.height

    def show(self, step: Show) -> None:
        """Show a step on which nothing is asked."""
        body = self._markdown(step.text)
        if step.look == "question":
            self.console.print(Panel(body, border_style="question", padding=(0, 1)))
            return
        self.console.print()
        if isinstance(step, Beside):
            self._beside(step)
            return
        self.console.print(Text(step.title, style=step.look))
        if program := _PROGRAM.fullmatch(step.text):
            self.code(program[1])  # to the margin: its lines are long enough
        else:
            self.console.print(Padding(body, (0, 0, 0, 2)))

    def _beside(self, step: Beside) -> None:
        table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, expand=True)
        table.add_column(Text(step.title, style="right"), ratio=1)
        table.add_column(Text(step.other_title, style="weak"), ratio=1)
        table.add_row(self._markdown(step.text), self._markdown(step.other))
        self.console.print(table)

    def code(self, program: str, *, numbered: bool = False) -> None:
        """Print a program."""
        self.console.print(
            Syntax(
                program.rstrip("\n"),
                "python",
                theme=_CODE_THEME,
                background_color="default",
                line_numbers=numbered,
                word_wrap=True,
            )
        )

    def _markdown(self, text: str) -> Markdown:
        return Markdown(readable(text, tex=self.tex), code_theme=_CODE_THEME)
