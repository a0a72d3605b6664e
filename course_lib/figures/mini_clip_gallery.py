"""What was found for a text: rows of pictures, each with its name."""

import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from course_lib.figures.pictures import as_pictures, draw_picture
from course_lib.figures.style import WIDTH, course_style, new_figure


def text_gallery(
    queries: Sequence[str], images: Sequence[Any], names: Sequence[Sequence[str]], *, title: str
) -> Figure:
    """Draw a row for each query: the text, then the pictures found for it, the most similar first.

    Parameters
    ----------
    queries : sequence of str
        The texts.
    images : sequence of arrays, one for each query, shape [depth, height, width, 3 or 4]
        Pictures, best first: uint8, or floats from 0 to 1. Equally many for every query.
    names : sequence of sequence of str
        What each picture is.
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
    depths = {len(row) for row in names}
    if not queries or not len(queries) == len(images) == len(names) or len(depths) != 1 or 0 in depths:
        raise ValueError(
            f"images and names must hold {len(queries)} rows of equally many pictures, "
            f"got {len(images)} and {len(names)} rows of lengths {sorted(depths)}."
        )
    depth, tall, left, top = depths.pop(), 1.05, 1.7, 0.5
    cell, height = (WIDTH - left) / depth, top + tall * len(queries)
    with course_style():
        fig = new_figure(height, constrained=False)
        # One data unit is one inch, y down.
        axes = fig.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(height, 0))
        axes.set_axis_off()
        axes.text(WIDTH / 2, 0.25, title, ha="center", va="center", fontsize=12, fontweight="bold")
        for row, (query, pictures, found) in enumerate(zip(queries, images, names, strict=True)):
            y = top + row * tall
            axes.hlines(y, 0.1, WIDTH - 0.1, colors="#dddddd", linewidth=0.8)
            text = "\n".join(textwrap.wrap(f"“{query}”", 16))
            axes.text(0.15, y + 0.42, text, va="center", fontweight="bold")
            for place, (picture, name) in enumerate(zip(as_pictures(pictures, depth), found, strict=True)):
                x = left + (place + 0.5) * cell
                draw_picture(axes, picture, (x, y + 0.34), 0.5)
                short = "\n".join(textwrap.wrap(name, int(cell * 13), max_lines=2, placeholder="…"))
                axes.text(x, y + 0.63, short, ha="center", va="top", fontsize=8.5)
    return fig
