"""A number line with a grid on it, and what rounding and clipping cost."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from course_lib.figures.affine_state import AffineState
from course_lib.figures.matrix import written
from course_lib.figures.style import HATCHES, OKABE_ITO, course_style, new_figure
from course_lib.figures.words import percent

_ROUNDING, _CLIPPING, _ZERO = OKABE_ITO["blue"], OKABE_ITO["vermillion"], OKABE_ITO["bluish green"]

#: Codes up to which each point of the grid is labelled with its code.
_MOST_LABELLED = 16


def affine_figure(state: AffineState) -> Figure:
    """Draw the values over their number line, with the grid's points, and the two errors of three grids.

    Parameters
    ----------
    state : AffineState

    Returns
    -------
    matplotlib.figure.Figure
        On the left the values as a histogram, what is cut off hatched, and each code's value as a tick; on
        the right rounding and clipping error, stacked, of this grid, of the whole range, and of the best.
    """
    with course_style():
        fig = new_figure(3.9, constrained=False)
        axes = fig.add_axes((0.035, 0.2, 0.57, 0.64))
        _draw_line(axes, state)
        panel = fig.add_axes((0.735, 0.3, 0.235, 0.54))
        _draw_errors(panel, state)
        fig.suptitle(_title(state), y=0.975)
    return fig


def describe_affine(state: AffineState) -> str:
    """Say in words what `affine_figure` shows: its alt text."""
    ends = (_short(float(end)) for end in (state.x.min(), state.x.max(), state.grid[0], state.grid[-1]))
    return (
        "Histogram of values from {} to {} over a number line with a grid from {} to {}, of ".format(*ends)
        + f"{len(state.grid)} points. Beside it, stacked bars of rounding and clipping error. "
        + read_affine(state)
    )


def read_affine(state: AffineState) -> str:
    """Say the numbers alone, in a line to stand beside the figure."""
    whole, best = state.over_everything, state.of_least_error
    rounding, clipping = (float(part) for part in state.parts)
    return (
        f"Step {state.scale:.3g}; 0 has the code {written(state.zero_point, '.0f')}. "
        f"{percent(state.cut)} of the values are cut. Mean squared error: rounding {_short(rounding)} + "
        f"clipping {_short(clipping)} = {_short(rounding + clipping)}. "
        f"Signal to noise {_db(state)} (whole range {_db(whole)}, least error {_db(best)}). "
        f"{state.used} of {len(state.grid)} codes are used."
    )


def _title(state: AffineState) -> str:
    kind = "symmetric" if state.symmetric else "affine"
    return f"{state.bits} bits, {kind}: step {state.scale:.3g}, signal to noise {_db(state)}"


def _db(state: AffineState) -> str:
    return f"{written(state.sqnr, '.1f')} dB"


def _short(value: float) -> str:
    return written(value, ".3g")


def _draw_line(axes: Axes, state: AffineState) -> None:
    x, grid = state.x.numpy(), state.grid.numpy()
    ends = min(x.min(), 0.0), max(x.max(), 0.0)
    counts, borders = np.histogram(x, bins=60, range=ends)
    # Heights as roots: a stray value stays visible beside thousands.
    heights = np.sqrt(counts / counts.max())
    centres = (borders[:-1] + borders[1:]) / 2
    outside = (centres < grid[0]) | (centres > grid[-1])
    axes.stairs(np.where(outside, 0, heights), borders, fill=True, color="#bbbbbb")
    axes.stairs(np.where(outside, heights, 0), borders, color=_CLIPPING, hatch=HATCHES[1], fill=False)
    margin = 0.04 * (ends[1] - ends[0])
    left, right = min(ends[0], grid[0]) - margin, max(ends[1], grid[-1]) + margin
    axes.axhline(0, color="black", linewidth=1)
    axes.vlines(grid, -0.13, 0, color="black", linewidth=1.6 if len(grid) <= _MOST_LABELLED else 0.5)
    for end in (grid[0], grid[-1]):
        axes.vlines(end, -0.13, 1.06, color="black", linestyle="--", linewidth=1.2)
    axes.plot(0, -0.065, "D", color=_ZERO, markersize=8, zorder=4)
    _label_codes(axes, state, grid, (right - left) / 30)
    axes.set(xlim=(left, right), ylim=(-0.36, 1.1), xlabel="value")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_title("values (height: root of the count), and codes", fontsize=10.5, fontweight="normal", pad=5)


def _label_codes(axes: Axes, state: AffineState, grid: np.ndarray, room: float) -> None:
    qmin, qmax = state.codes
    wanted = [state.zero_point, qmin, qmax]
    if len(grid) <= _MOST_LABELLED:
        wanted += range(qmin, qmax + 1)
    taken: list[float] = []
    for code in wanted:
        place = float(grid[code - qmin])
        if all(abs(place - other) > room for other in taken):
            taken.append(place)
            zero = code == state.zero_point
            axes.text(
                place,
                -0.19,
                written(code, ".0f"),
                ha="center",
                va="top",
                fontsize=9,
                fontweight="bold" if zero else "normal",
                color=_ZERO if zero else "black",
            )


def _draw_errors(axes: Axes, state: AffineState) -> None:
    rows = {
        "this grid": state,
        "whole range": state.over_everything,
        "least error": state.of_least_error,
    }
    for place, one in enumerate(rows.values()):
        rounding, clipping = (float(part) for part in one.parts)
        axes.barh(place, rounding, 0.6, color=_ROUNDING)
        axes.barh(
            place,
            clipping,
            0.6,
            left=rounding,
            facecolor="white",
            edgecolor=_CLIPPING,
            hatch=HATCHES[1],
            linewidth=0.8,
        )
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.margins(x=0.08)
    axes.locator_params(axis="x", nbins=3)
    axes.tick_params(axis="y", length=0)
    axes.set_title("mean squared error", fontsize=10.5, fontweight="normal", pad=5)
    handles = [
        Patch(color=_ROUNDING, label="rounding"),
        Patch(facecolor="white", edgecolor=_CLIPPING, hatch=HATCHES[1], label="clipping"),
    ]
    axes.legend(handles=handles, ncols=2, frameon=False, handlelength=1.8, loc=(-0.25, -0.48))
