"""Curves against a reference: what was measured, beside what it should be, or cannot pass."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import Container
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from course_lib.figures.series import Numbers, as_errors, as_row, as_rows
from course_lib.figures.style import (
    LINE_STYLES,
    MARKERS,
    SERIES_COLOURS,
    course_style,
    legend_below,
    new_figure,
)

Scale = Literal["linear", "log"]

#: Points up to which each gets a marker, and, on a logarithmic axis, a tick of its own.
FEW_POINTS = 12


def lines(
    x: Numbers,
    series: Mapping[str, Numbers],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    references: Mapping[str, float | Numbers] | None = None,
    errors: Mapping[str, Numbers] | None = None,
    xscale: Scale = "linear",
    yscale: Scale = "linear",
) -> Figure:
    """Draw one or more curves over one x, with reference lines.

    Parameters
    ----------
    x : numbers, shape [points]
    series : mapping from a name to numbers, shape [points]
        The curves; they differ in colour, marker and line style. NaN leaves a gap.
    title : str
        What is to be seen.
    xlabel, ylabel : str
        With units.
    references : mapping from a name to a number or to numbers, shape [points], optional
        Ceilings, floors, chance: black and dashed, horizontal where it is one number.
    errors : mapping from a name to numbers, shape [points], optional
        Half-lengths of the error bars, for some or all of ``series``; say in the title or a label what they
        are.
    xscale, yscale : {"linear", "log"}
        On a logarithmic x of at most 12 points the ticks are those points.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If rows of numbers do not fit one another, or a scale is unknown.
    """
    for name, scale in (("xscale", xscale), ("yscale", yscale)):
        if scale not in ("linear", "log"):
            raise ValueError(f'{name} must be "linear" or "log", got {scale!r}.')
    across = as_row("x", x)
    curves = as_rows("series", series, across.size)
    spreads = as_errors("errors", errors, curves, across.size)
    few = across.size <= FEW_POINTS
    with course_style():
        fig = new_figure(4.2)
        axes = fig.add_subplot()
        axes.set_xscale(xscale)
        axes.set_yscale(yscale)
        drawn: list[Artist | Container] = []
        for place, (name, row) in enumerate(curves.items()):
            curve = axes.errorbar(
                across,
                row,
                yerr=spreads.get(name),
                capsize=4,
                label=name,
                color=SERIES_COLOURS[place % len(SERIES_COLOURS)],
                linestyle=LINE_STYLES[place % len(LINE_STYLES)],
                marker=MARKERS[place % len(MARKERS)] if few else "",
            )
            drawn.append(curve)
        drawn += _draw_references(axes, across, references or {})
        if xscale == "log" and few:
            axes.set_xticks(across, [f"{value:g}" for value in across])
            axes.xaxis.set_minor_locator(NullLocator())
        axes.grid(axis="y")
        axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
        legend_below(fig, drawn)
    return fig


def _draw_references(
    axes: Axes, across: np.ndarray, references: Mapping[str, float | Numbers]
) -> list[Line2D]:
    drawn = []
    for place, (name, level) in enumerate(references.items()):
        style = LINE_STYLES[1 + place % (len(LINE_STYLES) - 1)]
        look: dict[str, Any] = {
            "color": "black",
            "linewidth": 1.4,
            "linestyle": style,
            "label": name,
            "zorder": 3,  # over the curves: what reaches a ceiling would hide it
        }
        if np.ndim(level) == 0:
            drawn.append(axes.axhline(float(np.asarray(level)), **look))
        else:
            drawn += axes.plot(across, as_row(f"references[{name!r}]", level, across.size), **look)
    return drawn
