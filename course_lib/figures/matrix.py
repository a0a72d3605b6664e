"""A matrix as coloured cells, with its numbers in them as long as they can be read."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from course_lib.figures.cell_text import CellTexts
from course_lib.figures.style import DIVERGING, SEQUENTIAL, ink_on

#: The largest matrix (rows or columns) whose cells are written out; above it there should be a colour bar.
MAX_WRITTEN = 6

#: Characters of a label: the most that is drawn, and the most that fits level under a column.
MAX_LABEL = 10
LEVEL_LABEL = 4


def draw_matrix(
    axes: Axes,
    values: np.ndarray,
    *,
    limits: tuple[float, float],
    number_format: str = ".2f",
    diverging: bool = False,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    bold: int | None = None,
) -> AxesImage:
    """Draw a matrix: row 0 at the top, colour by value, the value in each cell of a small matrix.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    values : ndarray, shape [rows, columns]
    limits : (float, float)
        Values at the two ends of the colour map. Give fixed ones where pictures are to be compared.
    number_format : str, default ".2f"
        How a value is written; see `written`.
    diverging : bool, default False
        Colour by sign and size (then ``limits`` should be symmetric) instead of size alone.
    row_labels, column_labels : sequence of str
        None, or one for each row or column; cut after 10 characters.
    bold : int, optional
        The row and the column whose labels are bold.

    Returns
    -------
    matplotlib.image.AxesImage
        For a colour bar, which a matrix of more than 6 rows or columns needs.
    """
    rows, columns = values.shape
    colours = colormaps[DIVERGING if diverging else SEQUENTIAL]
    scale = Normalize(*limits, clip=True)
    image = axes.imshow(values, cmap=colours, norm=scale, aspect="equal", interpolation="nearest")
    # Labels are plain texts: ticks, which nothing here needs, take a third of the time that drawing takes.
    axes.set_axis_off()
    _label_rows(axes, row_labels, bold)
    _label_columns(axes, column_labels, bold, bottom=rows - 0.38)
    if max(rows, columns) <= MAX_WRITTEN:
        # White seams: neighbours of nearly one colour are still two cells.
        axes.vlines(np.arange(1, columns) - 0.5, -0.5, rows - 0.5, colors="white", linewidth=1.5)
        axes.hlines(np.arange(1, rows) - 0.5, -0.5, columns - 0.5, colors="white", linewidth=1.5)
        # All cells at once: a colour map called cell by cell takes longer than drawing the cells.
        fills = colours(scale(values)).reshape(-1, 4)
        CellTexts(
            axes,
            centres=[(column, row) for row in range(rows) for column in range(columns)],
            texts=[written(value, number_format) for value in values.ravel()],
            colours=[ink_on(*fill[:3]) for fill in fills],
            size=8.7,
        )
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    return image


def written(value: float, number_format: str) -> str:
    """Write a number with a true minus sign, and a value that rounds to zero as 0, without any sign.

    Parameters
    ----------
    value : float
    number_format : str
        A format specification such as ".2f" or "+.3f".

    Returns
    -------
    str
    """
    text = format(float(value), number_format)
    if math.isfinite(value) and not any(digit in text for digit in "123456789"):
        text = text.lstrip("+-")
    return text.replace("-", "\N{MINUS SIGN}")


def shortened(label: str, length: int = MAX_LABEL) -> str:
    """Cut a label that is longer than ``length`` characters, and show by an ellipsis that it was cut."""
    return label if len(label) <= length else label[: length - 1].rstrip() + "…"


def outline_row(axes: Axes, row: int, columns: int) -> None:
    """Frame one row of a matrix with ``columns`` columns: black on white, so that it shows on any colour."""
    for colour, width in (("white", 4.5), ("black", 2.2)):
        frame = Rectangle((-0.5, row - 0.5), columns, 1, fill=False, edgecolor=colour, linewidth=width)
        frame.set(clip_on=False, zorder=4)
        axes.add_patch(frame)


def _label_rows(axes: Axes, labels: Sequence[str], bold: int | None) -> None:
    for row, label in enumerate(labels):
        weight = "bold" if row == bold else "normal"
        axes.text(
            -0.6, row, shortened(label), ha="right", va="center_baseline", fontsize=9, fontweight=weight
        )


def _label_columns(axes: Axes, labels: Sequence[str], bold: int | None, bottom: float) -> None:
    slanted = any(len(label) > LEVEL_LABEL for label in labels)
    for column, label in enumerate(labels):
        text = axes.text(column, bottom, shortened(label), va="top", fontsize=9)
        text.set(fontweight="bold" if column == bold else "normal")
        if slanted:
            text.set(rotation=30, ha="right", rotation_mode="anchor", x=column + 0.2)
        else:
            text.set(ha="center")
