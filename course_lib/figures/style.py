"""How every figure of the course looks: colours, line styles, hatches and fonts, held in one place."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.artist import Artist
from matplotlib.container import Container
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

#: Okabe and Ito's palette for all kinds of colour vision, in the order in which it is used.
OKABE_ITO = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "bluish green": "#009E73",
    "reddish purple": "#CC79A7",
    "orange": "#E69F00",
    "sky blue": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#000000",
}
COLOURS = tuple(OKABE_ITO.values())

#: For curves and bars: not yellow, which is faint on white, nor black, which is kept for references.
SERIES_COLOURS = COLOURS[:6]

# Every colour has a companion that survives a grey printer and any eye.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 2)), (0, (3, 4)))
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "ooo", "+++", "---")

#: Magnitudes; the second one only where the sign is the message (both are safe for colour-blind readers).
SEQUENTIAL = "viridis"
DIVERGING = "PuOr"

#: Inches: what a notebook column shows without shrinking, at 96 dots per inch.
WIDTH = 9.0
DPI = 96

# Everything is said outright, so that a reader's own style (a dark one, say) cannot leak half of itself in.
_RC: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#444444",
    "axes.facecolor": "white",
    "axes.grid": False,
    "axes.labelcolor": "black",
    "axes.labelsize": 10.5,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": "black",
    "axes.titlepad": 10,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.unicode_minus": True,
    "figure.dpi": DPI,
    "figure.edgecolor": "white",
    "figure.facecolor": "white",
    "figure.titlesize": 12.5,
    "figure.titleweight": "bold",
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.8,
    "hatch.linewidth": 0.8,
    "image.interpolation": "nearest",
    "legend.edgecolor": "#bbbbbb",
    "legend.facecolor": "white",
    "legend.fontsize": 9.5,
    "legend.framealpha": 1.0,
    "legend.labelcolor": "black",
    "lines.linewidth": 2.0,
    "lines.markersize": 7,
    "text.color": "black",
    "text.hinting": "none",  # a quarter of the drawing time of a page of numbers; at two pixels a dot unseen
    "text.usetex": False,
    "xtick.color": "#222222",
    "xtick.labelsize": 9.5,
    "ytick.color": "#222222",
    "ytick.labelsize": 9.5,
}


@contextmanager
def course_style() -> Iterator[None]:
    """Draw in the course's style; whatever the reader had set comes back afterwards."""
    with matplotlib.rc_context(_RC):
        yield


def new_figure(height: float, width: float = WIDTH, *, constrained: bool = True) -> Figure:
    """Make an empty figure that pyplot does not know of: nothing stays open and nothing is shown twice.

    Parameters
    ----------
    height, width : float
        Inches.
    constrained : bool, default True
        Let matplotlib place axes and legends so that nothing overlaps. False leaves the placing to the caller
        and draws in about half the time, which is what a slider wants.

    Returns
    -------
    matplotlib.figure.Figure
        Opaque, white, at 96 dots per inch. Use it inside `course_style`.
    """
    # Pads are inches: no letter touches the rim.
    engine = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08) if constrained else None
    return Figure(figsize=(width, height), layout=engine)


def legend_below(fig: Figure, handles: Sequence[Artist | Container]) -> None:
    """Explain what is drawn in a row below the axes, where no curve is ever under it, or in two columns.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        One whose layout is constrained.
    handles : sequence of labelled artists
        In the order in which they are to be listed.
    """
    # A figure is some 100 characters wide, and a handle takes the room of 9.
    one_row = sum(len(str(handle.get_label())) + 9 for handle in handles) <= 100
    columns = len(handles) if one_row else 2
    fig.legend(
        handles=list(handles), loc="outside lower center", ncols=columns, frameon=False, handlelength=3.5
    )


def ink_on(red: float, green: float, blue: float) -> str:
    """Return "black" or "white": whichever reads better on this colour (components from 0 to 1).

    The choice is by the relative luminance of WCAG 2, where both contrast ratios are equal at L = 0.179.
    """
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"
