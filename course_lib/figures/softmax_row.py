"""From similarities over a softmax to gradients: what one batch tells each of its logits to do."""

from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.figures.matrix import MAX_WRITTEN, draw_matrix, outline_row, written
from course_lib.figures.pictures import as_pictures, draw_picture
from course_lib.figures.softmax_state import SoftmaxState
from course_lib.figures.style import WIDTH, course_style, new_figure
from course_lib.figures.words import loss_in_title, loss_in_words, percent


def softmax_figure(state: SoftmaxState) -> Figure:
    """Draw similarities, their row softmax and the gradient of the loss by the logits, in one row.

    s_ij → P_ij = exp(ℓ_ij) / Σ_k exp(ℓ_ik) → ∂L/∂ℓ_ij = ((P_row − I) + (P_col − I)) / (2N)

    Parameters
    ----------
    state : SoftmaxState
        Up to 6 pairs are written out cell by cell; more get colour bars.

    Returns
    -------
    matplotlib.figure.Figure
        Three panels of fixed colour limits (−1…1, 0…1, ±1/N), so that two states can be compared by eye.
    """
    size = state.batch_size
    panels = (
        _Panel("1 · Similarity sᵢⱼ", "cosines", state.similarity, (-1.0, 1.0), ".2f"),
        _Panel("2 · Row softmax Pᵢⱼ", "each row sums to 1", state.probabilities, (0.0, 1.0), ".2f"),
        _Panel(
            "3 · Gradient ∂L/∂ℓᵢⱼ",
            "− pulls together, + pushes apart",
            state.gradient,
            (-1 / size, 1 / size),  # its bounds: P − I lies in −1…1, twice, over 2N
            "+.3f" if size <= 5 else "+.2f",
            diverging=True,
        ),
    )
    height = 4.25
    with course_style():
        fig = new_figure(height, constrained=False)
        for place, panel in enumerate(panels):
            axes = fig.add_axes((0.1 + 0.3015 * place, 0.17, 0.285, 0.285 * WIDTH / height))
            _draw_panel(axes, panel, state, first=place == 0)
        # Named once, in the corner that slanted labels leave free; the images are named beside the first
        # panel.
        below = -0.19 if state.batch_size <= MAX_WRITTEN else -0.05
        axes.text(1, below, "text j", transform=axes.transAxes, ha="right", va="center", fontsize=10.5)
        fig.suptitle(loss_in_title(state), y=0.975)
    return fig


def describe_softmax(state: SoftmaxState) -> str:
    """Say in words what `softmax_figure` shows: its alt text."""
    size = state.batch_size
    own = state.probabilities.diagonal()
    text = (
        f"Three {size} by {size} matrices of image-text pairs: cosine similarity, softmax over each row, "
        f"gradient of the loss with respect to the logits. {loss_in_words(state)} "
        f"The right texts, on the diagonal, get {percent(float(own.min()))} to {percent(float(own.max()))} "
        f"of their rows; their gradients are negative, all others positive."
    )
    return f"{text} {_of_highlighted(state)}".strip()


def read_softmax(state: SoftmaxState) -> str:
    """Say the numbers alone, in a line to stand beside the figure."""
    return f"{loss_in_words(state)} {_of_highlighted(state)}".strip()


def _of_highlighted(state: SoftmaxState) -> str:
    pair = state.highlighted
    if pair is None:
        return ""
    negative = state.hardest_negative(pair)
    return (
        f"Image “{state.captions[pair]}”: its own text gets "
        f"{percent(float(state.probabilities[pair, pair]))}, its hardest negative, "
        f"“{state.captions[negative.text]}”, {percent(negative.share)}; "
        f"the gradient of its own logit is {written(float(state.gradient[pair, pair]), '+.3f')}."
    )


class _Panel(NamedTuple):
    title: str
    reading: str
    values: Tensor
    limits: tuple[float, float]
    number_format: str
    diverging: bool = False


def _draw_panel(axes: Axes, panel: _Panel, state: SoftmaxState, *, first: bool) -> None:
    size = state.batch_size
    small = size <= MAX_WRITTEN
    captions = state.captions if small else ()
    pictures = as_pictures(state.images) if small and state.images is not None else ()
    image = draw_matrix(
        axes,
        panel.values.numpy(),
        limits=panel.limits,
        number_format=panel.number_format,
        diverging=panel.diverging,
        row_labels=captions if first and len(pictures) == 0 else (),
        column_labels=captions,
        bold=state.highlighted,
    )
    axes.set_title(panel.title, y=1.1, pad=0)
    axes.text(0.5, 1.03, panel.reading, transform=axes.transAxes, ha="center", fontsize=9.5)
    if first:
        axes.text(-0.03, 1.03, "image i", transform=axes.transAxes, ha="right", fontsize=10.5)
        for row, picture in enumerate(pictures):
            draw_picture(axes, picture, centre=(-1.05, row), side=0.84)
    if state.highlighted is not None:
        outline_row(axes, state.highlighted, size)
    if not small:
        bar = axes.inset_axes((0.08, -0.16, 0.84, 0.045))
        ticks = sorted({panel.limits[0], 0.0, panel.limits[1]})
        axes.figure.colorbar(image, cax=bar, orientation="horizontal", ticks=ticks, format=_tick)


def _tick(value: float, _: int) -> str:
    return written(value, ".2g")
