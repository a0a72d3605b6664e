"""Training as it happens: a progress bar and curves that grow once per epoch, in one place of the page."""

import sys
import time
from collections.abc import Mapping, Sequence

from IPython.core.getipython import get_ipython
from IPython.display import HTML, DisplayHandle, display
from matplotlib.figure import Figure

from course_lib.figures.show import figure_html
from course_lib.figures.style import LINE_STYLES, MARKERS, SERIES_COLOURS, course_style, new_figure
from course_lib.validate import check_int

Panels = Mapping[str, Sequence[str]]


def curves_figure(panels: Panels, values: Mapping[str, Sequence[float]], epochs: int, title: str) -> Figure:
    """Draw curves against the epoch, panel by panel, on an axis as long as the whole training.

    Parameters
    ----------
    panels : mapping from an axis label to names
        One panel each, side by side; the names of its curves ("other_vendor" is written "other vendor").
    values : mapping from a name to numbers, shape [epochs so far]
        From epoch 1 on; may be empty.
    epochs : int
        Where the axis ends.
    title : str
        What is trained.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with course_style():
        fig = new_figure(3.3, constrained=False)
        width = 1 / len(panels)
        for place, (label, names) in enumerate(panels.items()):
            axes = fig.add_axes((place * width + 0.06, 0.27, width - 0.085, 0.53))
            for number, name in enumerate(names):
                row = values.get(name, ())
                axes.plot(
                    range(1, len(row) + 1),
                    row,
                    label=_said(name),
                    color=SERIES_COLOURS[number],
                    linestyle=LINE_STYLES[number],
                    marker=MARKERS[number],
                    markersize=4,
                )
            axes.set_xlim(0, epochs + 1)
            axes.grid(axis="y")
            axes.set_xlabel("epoch")
            axes.set_title(label, fontsize=10.5)
            if len(names) > 1:
                axes.legend(
                    loc="upper center",
                    bbox_to_anchor=(0.45, -0.27),
                    ncols=len(names),
                    fontsize=8.5,
                    frameon=False,
                    columnspacing=0.9,
                    handlelength=1.8,
                    handletextpad=0.4,
                )
        fig.suptitle(title, y=0.97)
    return fig


class LiveCurves:
    """Show a training while it runs: call it once per epoch with the numbers to draw.

    Parameters
    ----------
    title : str
        What is trained.
    epochs : int, at least 1
        How many there will be.
    panels : mapping from an axis label to names
        As in `curves_figure`.

    Attributes
    ----------
    values : dict from a name to a list of float
        The numbers so far.

    Notes
    -----
    One output is replaced by the next: nothing scrolls, no widget is needed, and what is saved with the
    notebook is the last state. Without a notebook each epoch prints one line instead.
    """

    def __init__(self, title: str, epochs: int, panels: Panels) -> None:
        check_int("epochs", epochs, low=1)
        self.title, self.epochs, self.panels = title, epochs, panels
        self.values: dict[str, list[float]] = {name: [] for names in panels.values() for name in names}
        self._began = time.perf_counter()
        self._handle: DisplayHandle | None = None
        if _in_a_notebook():
            self._handle = display(HTML(self._html()), display_id=True)

    def __call__(self, **numbers: float) -> None:
        """Take the numbers of one more epoch, by the names of the curves, and draw.

        Raises
        ------
        ValueError
            If a curve gets no number.
        """
        missing = [name for name in self.values if name not in numbers]
        if missing:
            raise ValueError(f"numbers must have one for each curve, got none for {', '.join(missing)}.")
        for name, row in self.values.items():
            row.append(float(numbers[name]))
        if self._handle is None:
            print(self.line, file=sys.stdout, flush=True)
        else:
            self._handle.update(HTML(self._html()))

    @property
    def done(self) -> int:
        """Epochs so far."""
        return len(next(iter(self.values.values())))

    @property
    def line(self) -> str:
        """The newest numbers in words."""
        if not self.done:
            return f"{self.title}: epoch 0 of {self.epochs}"
        spent = time.perf_counter() - self._began
        left = spent / self.done * (self.epochs - self.done)
        numbers = ", ".join(f"{_said(name)} {row[-1]:.3g}" for name, row in self.values.items())
        return (
            f"{self.title}: epoch {self.done} of {self.epochs}, {spent:.0f} s, {left:.0f} s to go; {numbers}"
        )

    def _html(self) -> str:
        figure = curves_figure(self.panels, self.values, self.epochs, self.title)
        bar = f'<progress max="{self.epochs}" value="{self.done}" style="width:12em"></progress>'
        return f'<p style="margin:0" role="status">{bar} {self.line}</p>' + figure_html(
            figure, f"Curves of a training. {self.line}.", pixel_ratio=1.5
        )


def _in_a_notebook() -> bool:
    """Whether outputs are displayed by a front end, not printed by a terminal."""
    shell = get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


def _said(name: str) -> str:
    """A name that is also an argument's, as a reader sees it."""
    return name.replace("_", " ")
