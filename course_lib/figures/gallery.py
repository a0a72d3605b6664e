"""Small pictures with words: a sheet of them, and what a search found for each."""

import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.figures.pictures import as_pictures, draw_picture
from course_lib.figures.style import OKABE_ITO, WIDTH, course_style, new_figure
from course_lib.validate import check_int

#: Inches.
_TITLE = 0.5
_MARGIN = 0.1


def image_grid(images: Any, captions: Sequence[str], *, title: str, columns: int = 8) -> Figure:
    """Draw pictures in rows, each over its caption.

    Parameters
    ----------
    images : array or Tensor, shape [batch, height, width, 3 or 4] or [batch, 3 or 4, height, width]
        uint8, or floats from 0 to 1.
    captions : sequence of str, length batch
        Wrapped, and cut after three lines.
    title : str
        What is to be seen.
    columns : int, default 8
        Pictures in a row.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If pictures and captions do not fit, or ``columns`` is no positive integer.
    """
    check_int("columns", columns, low=1)
    pictures = as_pictures(images, count=len(captions))
    cell = WIDTH / columns
    side = min(0.62 * cell, 1.0)
    lines = [_wrapped(caption, width=max(int(cell * 12), 4), most=3) for caption in captions]
    tall = side + 0.2 + 0.17 * max(text.count("\n") + 1 for text in lines)
    rows = -(-len(pictures) // columns)
    with course_style():
        fig, axes = _sheet(rows * tall, title)
        for place, (picture, text) in enumerate(zip(pictures, lines, strict=True)):
            row, column = divmod(place, columns)
            x, y = (column + 0.5) * cell, row * tall + side / 2 + 0.05
            draw_picture(axes, picture, (x, y), side)
            axes.text(x, y + side / 2 + 0.06, text, ha="center", va="top", fontsize=9)
    return fig


def retrieval_gallery(
    images: Any, names: Sequence[str], retrieved: Sequence[Sequence[str]], *, title: str
) -> Figure:
    """Draw what was found for each query picture: best first, right answers marked ✓, wrong ones ✗.

    Parameters
    ----------
    images : array or Tensor, shape [queries, height, width, 3 or 4] or [queries, 3 or 4, height, width]
        uint8, or floats from 0 to 1.
    names : sequence of str, length queries
        What each picture is: the answer that counts as right.
    retrieved : sequence of sequence of str, length queries
        Names found for each query, equally many (five, say), the most similar first.
    title : str
        What is to be seen.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If the arguments do not fit one another.
    """
    pictures = as_pictures(images, count=len(names))
    depths = {len(row) for row in retrieved}
    if len(retrieved) != len(names) or len(depths) != 1 or 0 in depths:
        raise ValueError(
            f"retrieved must hold {len(names)} rows of equally many names, "
            f"got {len(retrieved)} rows of lengths {sorted(depths)}."
        )
    depth, tall, left = depths.pop(), 0.62, 2.1
    cell = (WIDTH - left - _MARGIN) / depth
    with course_style():
        fig, axes = _sheet(len(names) * tall + 0.35, title)
        axes.text(_MARGIN, 0.15, "query", va="center", fontweight="bold")
        for rank in range(depth):
            axes.text(left + rank * cell, 0.15, f"rank {rank + 1}", va="center", fontweight="bold")
        for row, (picture, name, found) in enumerate(zip(pictures, names, retrieved, strict=True)):
            y = 0.35 + (row + 0.5) * tall
            axes.axhline(y - tall / 2, color="#dddddd", linewidth=0.8)
            draw_picture(axes, picture, (_MARGIN + 0.27, y), 0.5)
            axes.text(_MARGIN + 0.62, y, _wrapped(name, 16, most=3), va="center", fontsize=9)
            for rank, answer in enumerate(found):
                right = answer == name
                axes.text(
                    left + rank * cell,
                    y,
                    f"{'✓' if right else '✗'} {_wrapped(answer, int(cell * 10), most=3)}",
                    va="center",
                    fontsize=9,
                    fontweight="bold" if right else "normal",
                    color=OKABE_ITO["blue"] if right else "#444444",
                )
    return fig


def _sheet(height: float, title: str) -> tuple[Figure, Axes]:
    # One data unit is one inch, y down: pictures and words are placed like type on a page.
    whole = height + _TITLE
    fig = new_figure(whole, constrained=False)
    axes = fig.add_axes((0, 0, 1, height / whole))
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    fig.suptitle(title, y=1 - 0.15 / whole, va="top")
    return fig, axes


def _wrapped(text: str, width: int, most: int) -> str:
    return "\n".join(textwrap.wrap(text, width, max_lines=most, placeholder="…")) or " "
