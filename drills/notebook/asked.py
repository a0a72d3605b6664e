"""What is being asked: its words, where one answers, its buttons, and what is wrong with an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from threading import Lock, Timer
from typing import Any

import ipywidgets

from drills.notebook.showing import classed, prose

PATIENCE = 3.0  # seconds to wait for a page that does not say that it took an input away


class Asked(ipywidgets.VBox):
    """A question that waits for its answer.

    Parameters
    ----------
    words : str
        Markdown with TeX.
    inputs : sequence of widgets
        Where one answers; they may be none.
    buttons : mapping of str to callable
        What can be done, by what stands on the button, the usual thing first.
    typed : widget, optional
        The input with a text, which is to be kept as a draft.
    """

    def __init__(
        self,
        words: str,
        inputs: Sequence[ipywidgets.DOMWidget],
        buttons: Mapping[str, Callable[[], None]],
        *,
        typed: ipywidgets.DOMWidget | None = None,
    ) -> None:
        self.buttons = {label: self._button(label, act) for label, act in buttons.items()}
        next(iter(self.buttons.values())).button_style = "primary"
        self.inputs = list(inputs)
        # Where the keyboard may be put. Rows to choose or to tick cannot be: the Tab key leads to them.
        self.first = typed or (None if inputs else next(iter(self.buttons.values())))
        self.typed = typed
        self.trouble = ipywidgets.HTML()
        row = classed(ipywidgets.HBox(list(self.buttons.values())), "drill-buttons")
        super().__init__([prose(words), *self.inputs, row, self.trouble])
        self.add_class("drill-asked")
        if self.first is not None:
            self.first._view_count = 0  # from now on the page counts: see `focus_once_seen`

    def say(self, sentence: str) -> None:
        """Say what is wrong with the answer; screen readers announce it."""
        self.trouble.value = (
            f'<p class="drill-trouble" role="alert">{escape(sentence)}</p>' if sentence else ""
        )

    def lock(self, sentence: str) -> None:
        """Take no answer for a while, and say why."""
        self._enable(False)
        self.trouble.value = f'<p class="drill-busy" role="status">{escape(sentence)}</p>'

    def unlock(self) -> None:
        """Take answers again."""
        self._enable(True)
        self.trouble.value = ""

    def once_typed(self, act: Callable[[], None]) -> None:
        """Do something as soon as all that was typed is here.

        A page sends a click at once, but the last keys only when the kernel has dealt with those before. With
        its last word on a view that goes away it sends all that it held back: so the input is taken away,
        and put back if the question still stands.
        """
        typed = self.typed
        whole = tuple(self.children)
        if typed is None or not typed._view_count:
            act()
        elif typed in whole:  # else an answer is on its way: a second click is none
            once = Lock()
            late = Timer(PATIENCE, lambda: finish())

            def finish() -> None:
                if not once.acquire(blocking=False):
                    return
                late.cancel()
                typed.unobserve(gone, names="_view_count")
                if self._is_open:
                    act()
                if self._is_open:
                    self.set_trait("children", whole)
                    focus_once_seen(typed)

            def gone(change: dict[str, Any]) -> None:
                if change["new"] < change["old"]:
                    finish()

            late.daemon = True
            late.start()
            typed.observe(gone, names="_view_count")
            self.set_trait("children", tuple(widget for widget in whole if widget is not typed))

    @property
    def _is_open(self) -> bool:
        """Whether the question still stands; it is closed when it is answered."""
        return self.comm is not None

    def _button(self, label: str, act: Callable[[], None]) -> ipywidgets.Button:
        button = ipywidgets.Button(description=label)
        button.on_click(lambda _: self.once_typed(act))
        return button

    def _enable(self, enabled: bool) -> None:
        for button in self.buttons.values():
            button.disabled = not enabled
        if self.typed is not None:
            self.typed.disabled = not enabled


def focus_once_seen(widget: ipywidgets.DOMWidget) -> None:
    """Put the keyboard on a widget as soon as the page shows it: what is sent before is lost.

    The page counts the views of a widget whose count is a number when it gets there.
    """

    def seen(change: dict[str, Any]) -> None:
        if change["new"]:
            widget.unobserve(seen, names="_view_count")
            widget.focus()

    widget.observe(seen, names="_view_count")
