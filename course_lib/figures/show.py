"""The one way a lesson shows a figure: with words for whoever cannot see it."""

import base64
import html
import io

from IPython.display import HTML, display
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from PIL import Image

from course_lib.figures.style import DPI, course_style

#: Characters below which an alt text can hardly say what is to be seen: "a plot" is not a description.
MIN_ALT = 20


def show(fig: Figure, alt: str) -> None:
    """Display a figure together with its alt text.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
    alt : str, at least 20 characters
        What a reader who cannot see the figure should know: what is drawn, and what it shows, with numbers.

    Raises
    ------
    TypeError, ValueError
        If ``fig`` is no Figure, or ``alt`` is no text or says too little.

    Notes
    -----
    The figure goes out as an HTML element that carries its picture and its words: JupyterLab ignores alt text
    in the metadata of an image output.
    """
    display(HTML(figure_html(fig, alt)))


def figure_html(fig: Figure, alt: str, *, pixel_ratio: float = 2.0) -> str:
    """Write a figure as ``<figure><img alt=… src="data:image/png;base64,…"></figure>``.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
    alt : str, at least 20 characters
        The alt text, plain: HTML in it is escaped.
    pixel_ratio : float, default 2
        Picture pixels per screen pixel. 2 is crisp on dense screens; 1 draws and travels in less than half
        the time.

    Returns
    -------
    str
        HTML, the same bytes for the same figure. The picture's size on screen is the figure's, at 96 pixels
        per inch, or the column's width where that is less.

    Raises
    ------
    TypeError, ValueError
        As for `show`.
    """
    alt = _checked_alt(alt)
    if not isinstance(fig, Figure):
        raise TypeError(f"fig must be a matplotlib Figure, got {type(fig).__name__}.")
    width, height = (round(inches * DPI) for inches in fig.get_size_inches())
    picture = base64.b64encode(_png(fig, dpi=DPI * pixel_ratio)).decode("ascii")
    # decoding="sync": when a widget swaps one picture for the next, there is no empty frame in between.
    return (
        '<figure style="margin:0">'
        f'<img alt="{html.escape(alt, quote=True)}" width="{width}" height="{height}" decoding="sync" '
        f'style="max-width:100%;height:auto" src="data:image/png;base64,{picture}">'
        "</figure>"
    )


def _checked_alt(alt: str) -> str:
    if not isinstance(alt, str):
        raise TypeError(f"alt must be a text that describes the figure, got {type(alt).__name__}.")
    alt = " ".join(alt.split())
    if len(alt) < MIN_ALT:
        raise ValueError(
            f"alt must say in at least {MIN_ALT} characters what is drawn and what it shows, got {alt!r}."
        )
    return alt


def _png(fig: Figure, dpi: float) -> bytes:
    pixels, buffer = io.BytesIO(), io.BytesIO()
    opaque = to_rgba(fig.get_facecolor())[3] == 1
    # Hinting is read while drawing, hence the style here too.
    with course_style():
        fig.savefig(
            pixels,
            format="rgba",
            dpi=dpi,
            facecolor=fig.get_facecolor() if opaque else "white",
            transparent=False,
            bbox_inches=None,
        )
    width, height = (int(inches * dpi) for inches in fig.get_size_inches())
    # Compressed here and not by matplotlib, which would write an opacity that is 1 everywhere, take three
    # times as long, and put its version into the file: these bytes depend on the figure alone.
    image = Image.frombuffer("RGBA", (width, height), pixels.getvalue()).convert("RGB")
    image.save(buffer, format="png", compress_level=1)
    return buffer.getvalue()
