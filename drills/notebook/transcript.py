"""What was shown and replied on the present card, growing as it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import ipywidgets

from drills.notebook.showing import replied, shown
from drills.sessions import Said
from drills.steps import Show

#: What is new: another card, something to read on the same one, or nothing but replies.
News = Literal["card", "text", "nothing"]


class Transcript(ipywidgets.VBox):
    """Shows what a session has seen of its present card."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: list[Said] | None = None  # the session's own list, which is another one for each card
        self._before: list[Said] = []  # shown before the present card, such as how an interview begins
        self._past: list[tuple[Said, ipywidgets.DOMWidget | None]] = []

    def catch_up(self, seen: list[Said], passed: Sequence[Show]) -> News:
        """Show what is new.

        Parameters
        ----------
        seen : list of Said
            The session's.
        passed : sequence of Show
            What was shown since the last time; `seen` lacks what came before its card.
        """
        another = seen is not self._seen
        old = [widget for _, widget in self._past if widget] if another else []
        if another:
            there = {id(said.step) for said in seen}
            self._before = [Said(step, None) for step in passed if id(step) not in there]
            self._seen, self._past = seen, []
        fresh = [*self._before, *seen][len(self._past) :]
        self._past += [(said, _view(said)) for said in fresh]
        self.children = [widget for _, widget in self._past if widget]
        for widget in old:
            discard(widget)
        if another:
            return "card"
        return "text" if any(isinstance(said.step, Show) for said in fresh) else "nothing"


def discard(widget: ipywidgets.Widget) -> None:
    """Close a widget and all that is in it, which else the kernel would keep."""
    parts = (
        *getattr(widget, "children", ()),
        getattr(widget, "layout", None),
        getattr(widget, "style", None),
    )
    for part in parts:
        if isinstance(part, ipywidgets.Widget):
            discard(part)
    widget.close()


def _view(said: Said) -> ipywidgets.DOMWidget | None:
    return shown(said.step) if isinstance(said.step, Show) else replied(said)
