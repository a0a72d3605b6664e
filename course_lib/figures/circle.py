"""A batch on the unit circle: where its points are, and where the loss pulls and pushes them."""

import math
from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from torch import Tensor

from course_lib.figures.circle_state import CircleState, angle_grad
from course_lib.figures.style import COLOURS, WIDTH, course_style, ink_on, new_figure
from course_lib.figures.words import loss_in_title, loss_in_words, percent
from course_lib.validate import check_int

#: The longest arrow, in radii. All others are drawn to its scale, and its gradient is said in the figure.
_LONGEST_ARROW = 0.55

#: Gradients below this are rounding, not directions: no arrow is drawn for them.
_NO_GRADIENT = 1e-9

#: Radians within which markers of one kind are stacked, the distance between their levels in radii, and how
#: many levels there are before markers share one.
_TOO_CLOSE = 0.16
_STACKED = 0.15
_MOST_STACKED = 3

_HEIGHT = 5.0


def circle_figure(state: CircleState, losses: Sequence[float] = (), max_steps: int | None = None) -> Figure:
    """Draw the pairs on the unit circle, with arrows along −∂L/∂θ: each point's pull and push together.

    Parameters
    ----------
    state : CircleState
        Images are drawn as circles and texts as squares; partners share a number, a colour and a dashed line.
    losses : sequence of float
        The loss before the first step and after each, up to this state: with it comes a second panel, the
        loss along the way beside that of guessing, log N.
    max_steps : int, optional
        Where that panel's axis ends: fixed, if several figures are to be compared. Default: the last step.

    Returns
    -------
    matplotlib.figure.Figure
        Of one panel or two.

    Raises
    ------
    TypeError, ValueError
        If ``max_steps`` is no integer, or less than the steps taken.
    """
    if max_steps is not None:
        check_int("max_steps", max_steps, low=max(len(losses) - 1, 0))
    width = WIDTH if len(losses) > 0 else 5.0
    with course_style():
        fig = new_figure(_HEIGHT, width, constrained=False)
        side = 4.0
        axes = fig.add_axes((0.3 / width, 0.62 / _HEIGHT, side / width, side / _HEIGHT))
        _draw_circle(axes, state)
        if len(losses) > 0:
            panel = fig.add_axes((5.3 / width, 0.95 / _HEIGHT, 3.5 / width, 3.2 / _HEIGHT))
            _draw_losses(panel, state.batch_size, losses, max_steps)
        fig.suptitle(loss_in_title(state.batch), y=0.975, fontsize=12.5 if len(losses) > 0 else 11)
    return fig


def describe_circle(state: CircleState, steps: int | None = None) -> str:
    """Say in words what `circle_figure` shows: its alt text.

    Parameters
    ----------
    state : CircleState
    steps : int, optional
        How many steps led here, if the losses along the way are drawn too.
    """
    size = state.batch_size
    text = (
        f"Unit circle with {size} image points and {size} text points, partners joined by dashed lines, "
        f"and an arrow along the negative gradient at each point. {read_circle(state, steps)} "
        f"{_longest_arrow(state)}."
    )
    return text if steps is None else f"{text} Beside it, the loss after each step."


def read_circle(state: CircleState, steps: int | None = None) -> str:
    """Say the numbers alone, in a line to stand beside the figure; parameters as of `describe_circle`."""
    batch, gaps = state.batch, torch.rad2deg(state.gaps)
    worst = max(range(state.batch_size), key=lambda pair: batch.hardest_negative(pair).share)
    negative = batch.hardest_negative(worst)
    taken = "" if steps is None else f"After {steps} steps: "
    return (
        f"{taken}{loss_in_words(batch)} Angle between partners: {gaps.mean():.0f}° on average, "
        f"{gaps.max():.0f}° at most (pair {int(gaps.argmax()) + 1}). Hardest negative: text "
        f"{negative.text + 1}, to which image {worst + 1} gives {percent(negative.share)}."
    )


def _longest_arrow(state: CircleState) -> str:
    longest = torch.cat(angle_grad(state)).abs().max().item()
    return (
        f"Longest arrow: |∂L/∂θ| = {longest:.2g}"
        if longest > _NO_GRADIENT
        else "No arrows: the gradient is 0"
    )


def _draw_circle(axes: Axes, state: CircleState) -> None:
    size = state.batch_size
    colours = [COLOURS[pair % len(COLOURS)] for pair in range(size)]
    # Markers that would hide one another are stacked: images outwards, texts inwards.
    images = state.image_features * (1 + _STACKED * _levels(state.image_angles))
    texts = state.text_features * (1 - _STACKED * _levels(state.text_angles))
    axes.set(xlim=(-1.4, 1.4), ylim=(-1.4, 1.4), aspect="equal")
    axes.set_axis_off()
    axes.add_patch(Circle((0, 0), 1, fill=False, edgecolor="#999999", linewidth=1.2, zorder=1))
    for pair, colour in enumerate(colours):
        ends = torch.stack([images[pair], texts[pair]])
        axes.plot(ends[:, 0], ends[:, 1], color=colour, linestyle="--", linewidth=1.3, zorder=2)

    _draw_arrows(axes, state, images, texts, colours * 2)
    # Texts go on top and are smaller: where partners have met, both can be seen. Each number lies directly on
    # its own marker, so that markers in a crowd cover one another's numbers instead of mixing them.
    for layer, (points, marker, marker_size) in enumerate(((images, "o", 19), (texts, "s", 13))):
        for pair, colour in enumerate(colours):
            (x, y), zorder = points[pair].tolist(), 4 + layer + pair / size
            axes.plot(
                x,
                y,
                marker,
                color=colour,
                markersize=marker_size,
                markeredgecolor="#333333",
                markeredgewidth=0.9,
                zorder=zorder,
            )
            axes.text(
                x,
                y,
                str(pair + 1),
                color=ink_on(*to_rgb(colour)),
                ha="center",
                va="center_baseline",
                fontsize=9.5,
                fontweight="bold",
                zorder=zorder,
            )
    handles = [
        Line2D([], [], marker="o", color="#777777", linestyle="", markersize=12, label="image"),
        Line2D([], [], marker="s", color="#777777", linestyle="", markersize=9, label="text"),
    ]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(-0.02, 1.02), frameon=False)
    axes.text(
        0,
        -1.5,
        f"Arrows (images outside, texts inside): −gradient\n{_longest_arrow(state)}",
        ha="center",
        va="top",
        fontsize=9.5,
        linespacing=1.4,
    )


def _draw_arrows(
    axes: Axes, state: CircleState, images: Tensor, texts: Tensor, colours: Sequence[str]
) -> None:
    moves = -torch.cat(angle_grad(state))
    longest = moves.abs().max().item()
    if longest <= _NO_GRADIENT:
        return
    angles = torch.cat([state.image_angles, state.text_angles])
    tangents = torch.stack([-angles.sin(), angles.cos()], dim=1)
    arrows = tangents * (moves * _LONGEST_ARROW / longest)[:, None]
    # Beside the markers, not under them.
    radial = torch.stack([angles.cos(), angles.sin()], dim=1)
    aside = torch.cat([radial[: len(images)] * 0.17, radial[len(images) :] * -0.15])
    tails = torch.cat([images, texts]) + aside
    axes.quiver(
        tails[:, 0],
        tails[:, 1],
        arrows[:, 0],
        arrows[:, 1],
        color=colours,
        angles="xy",
        scale_units="xy",
        scale=1,
        width=0.011,
        headwidth=4,
        headlength=4.5,
        headaxislength=4,
        minlength=0.5,
        zorder=3.5,
        clip_on=False,
    )


def _levels(angles: Tensor) -> Tensor:
    levels: list[int] = []
    for place, angle in enumerate(angles.tolist()):
        taken = {
            levels[other]
            for other in range(place)
            if abs(math.remainder(angle - float(angles[other]), math.tau)) < _TOO_CLOSE
        }
        levels.append(min(set(range(_MOST_STACKED)) - taken, default=place % _MOST_STACKED))
    return torch.tensor(levels, dtype=torch.float64)[:, None]


def _draw_losses(axes: Axes, size: int, losses: Sequence[float], max_steps: int | None) -> None:
    last = len(losses) - 1
    guessing = math.log(size)
    axes.plot(range(last + 1), losses, color=COLOURS[0])
    axes.plot(last, losses[-1], "o", color=COLOURS[0], markersize=8)
    axes.axhline(guessing, color="black", linestyle="--", linewidth=1.3)
    axes.set_xlim(-0.5, (last if max_steps is None else max_steps) + 0.5)
    axes.set_ylim(0, 1.12 * max(*losses, guessing))
    axes.annotate(
        f"guessing: log {size}",
        (axes.get_xlim()[1], guessing),
        (0, 4),
        textcoords="offset points",
        ha="right",
        fontsize=9.5,
    )
    axes.set(xlabel="step", ylabel="loss in nats", title="Loss along the way")
    axes.grid(axis="y")
