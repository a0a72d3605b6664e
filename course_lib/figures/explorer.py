"""What every interactive figure has in common: controls, a picture that follows them, and its numbers."""

import html
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import ipywidgets
from matplotlib.figure import Figure

from course_lib.figures.show import figure_html

#: Between crisp and quick: the picture is drawn anew at each movement of a slider.
PIXEL_RATIO = 1.5


class Frame(NamedTuple):
    """One picture of an interactive figure: what is drawn, its alt text, and its numbers in a line."""

    figure: Figure
    alt: str
    readout: str


class Explorer(ipywidgets.VBox):
    """Controls above, numbers in words below them, then the picture.

    Parameters
    ----------
    controls : mapping from a name to a widget with a value
        The arguments of ``draw``. Sliders of ipywidgets listen to the arrow keys.
    draw : callable
        A pure function of the controls' values, by name, that returns a `Frame`.
    buttons : mapping from a label to a callable, optional
        Each is a pure function of all values, a dict, that returns those to change. "Reset" is always there.

    Notes
    -----
    A new picture replaces the old one's HTML in one message: nothing is cleared, so nothing flickers, and alt
    text and numbers change with it. While a picture is being drawn, the browser keeps only the newest
    position of a slider and sends it when the kernel is done: no backlog builds up, and the last position is
    always drawn.

    The widget is complete without any front end: the values, the HTML and the text are there at once, and its
    ``repr`` is the line of numbers.
    """

    def __init__(
        self,
        controls: Mapping[str, Any],
        draw: Callable[..., Frame],
        buttons: Mapping[str, Callable[[dict[str, Any]], Mapping[str, Any]]] | None = None,
    ) -> None:
        self.controls = dict(controls)
        self._draw = draw
        self._start = self.values
        self._held = False
        # A status region: screen readers announce its new text without leaving the slider.
        self.readout = ipywidgets.HTML()
        self.picture = ipywidgets.HTML()
        changes = {**(buttons or {}), "Reset": lambda _: self._start}
        row = [self._button(label, change) for label, change in changes.items()]
        super().__init__([*self.controls.values(), ipywidgets.HBox(row), self.readout, self.picture])
        for control in self.controls.values():
            control.observe(self._redraw, names="value")
        self._redraw()

    @property
    def values(self) -> dict[str, Any]:
        """The controls' values, by name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values: Any) -> None:
        """Set several controls and draw once.

        Parameters
        ----------
        **values
            By the controls' names.

        Raises
        ------
        ValueError
            If there is no control of a name.
        """
        for name in values:
            if name not in self.controls:
                raise ValueError(f"{name} is no control of this figure: it has {', '.join(self.controls)}.")
        with self._drawing_once():
            for name, value in values.items():
                self.controls[name].value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self._frame.readout}"

    def _button(self, label: str, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> ipywidgets.Button:
        button = ipywidgets.Button(description=label)
        button.on_click(lambda _: self.set(**change(self.values)))
        return button

    @contextmanager
    def _drawing_once(self) -> Iterator[None]:
        before, self._held = self.values, True
        try:
            yield
        finally:
            self._held = False
            if self.values != before:
                self._redraw()

    def _redraw(self, _: object = None) -> None:
        if self._held:
            return
        self._frame = self._draw(**self.values)
        picture = figure_html(self._frame.figure, self._frame.alt, pixel_ratio=PIXEL_RATIO)
        self.readout.value = (
            f'<p role="status" style="margin:0;line-height:1.5">{html.escape(self._frame.readout)}</p>'
        )
        self.picture.value = picture
