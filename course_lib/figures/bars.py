"""Bars beside each other, each with its number on it."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.container import Container
from matplotlib.figure import Figure

from course_lib.figures.matrix import written
from course_lib.figures.series import Numbers, as_errors, as_rows
from course_lib.figures.style import (
    HATCHES,
    LINE_STYLES,
    SERIES_COLOURS,
    course_style,
    legend_below,
    new_figure,
)


def bars(
    labels: Sequence[str],
    series: Mapping[str, Numbers],
    *,
    title: str,
    ylabel: str,
    references: Mapping[str, float] | None = None,
    errors: Mapping[str, Numbers] | None = None,
    number_format: str = ".3g",
) -> Figure:
    """Draw groups of bars.

    Parameters
    ----------
    labels : sequence of str, length groups
        One for each group, under it.
    series : mapping from a name to numbers, shape [groups]
        One bar of each group; they differ in colour and hatching. A single series needs no legend and gets
        none.
    title : str
        What is to be seen.
    ylabel : str
        With its unit.
    references : mapping from a name to a number, optional
        Dashed black lines across all groups: chance, a ceiling.
    errors : mapping from a name to numbers, shape [groups], optional
        Half-lengths of the error bars, for some or all of ``series``.
    number_format : str, default ".3g"
        How the number above each bar is written.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If rows of numbers do not fit the labels.
    """
    if not labels:
        raise ValueError("labels must name at least one group of bars, got none.")
    groups = len(labels)
    rows = as_rows("series", series, groups)
    spreads = as_errors("errors", errors, rows, groups)
    width = min(0.8 / len(rows), 0.5)
    with course_style():
        fig = new_figure(4.2)
        axes = fig.add_subplot()
        drawn: list[Artist | Container] = []
        for place, (name, row) in enumerate(rows.items()):
            container = axes.bar(
                np.arange(groups) + (place - (len(rows) - 1) / 2) * width,
                row,
                width * 0.94,
                yerr=spreads.get(name),
                capsize=4,
                label=name,
                color=SERIES_COLOURS[place % len(SERIES_COLOURS)],
                hatch=HATCHES[place % len(HATCHES)],
                edgecolor="white",
            )
            if len(rows) > 1:
                drawn.append(container)
            axes.bar_label(
                container, [written(value, number_format) for value in row], padding=3, fontsize=9.5
            )
        for place, (name, level) in enumerate((references or {}).items()):
            style = LINE_STYLES[1 + place % (len(LINE_STYLES) - 1)]
            drawn.append(axes.axhline(level, color="black", linewidth=1.5, linestyle=style, label=name))
        axes.axhline(0, color="#444444", linewidth=0.8)
        axes.margins(y=0.12)
        axes.set_xlim(-0.6, groups - 0.4)
        axes.set_xticks(range(groups), labels)
        axes.tick_params(axis="x", length=0)
        axes.grid(axis="y")
        axes.set(title=title, ylabel=ylabel)
        if drawn:
            legend_below(fig, drawn)
    return fig
