"""A staircase, the slopes that stand in for its own, and the path of a weight that follows them."""

from typing import Any

import ipywidgets
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.figures.controls import control
from course_lib.figures.explorer import Explorer, Frame
from course_lib.figures.matrix import written
from course_lib.figures.straight_through_state import StraightThroughState
from course_lib.figures.style import OKABE_ITO, course_style, new_figure

_MEANT, _PRINTED, _TARGET = OKABE_ITO["blue"], OKABE_ITO["vermillion"], OKABE_ITO["bluish green"]


def straight_through_figure(state: StraightThroughState) -> Figure:
    """Draw the rounding and its slopes on the left, and the weight's path on the right.

    Parameters
    ----------
    state : StraightThroughState

    Returns
    -------
    matplotlib.figure.Figure
        Left, above: x̃ against x. Left, below: the slope that is meant, and the printed one. Right: the weight
        step by step, with either, among the values of the grid and the borders between their codes.
    """
    with course_style():
        fig = new_figure(4.5, constrained=False)
        margin = state.scale * (len(state.grid) / 5 + 1)
        low = min(state.ends[0] - margin, state.start, state.target)
        high = max(state.ends[1] + margin, state.start, state.target)
        stairs = fig.add_axes((0.07, 0.53, 0.36, 0.34))
        slopes = fig.add_axes((0.07, 0.13, 0.36, 0.22))
        _draw_stairs(stairs, state, low, high)
        _draw_slopes(slopes, state, low, high)
        _draw_path(fig.add_axes((0.53, 0.24, 0.44, 0.63)), state)
        fig.suptitle(_title(state), y=0.98)
    return fig


def describe_straight_through(state: StraightThroughState) -> str:
    """Say in words what `straight_through_figure` shows: its alt text."""
    low, high = (_short(float(end)) for end in (state.grid[0], state.grid[-1]))
    return (
        f"A staircase from {low} to {high} with steps of {_short(state.scale)}; below it two slopes, the "
        f"estimator's, 1 inside and 0 outside, and the printed one, {_short(state.scale)} everywhere. Beside "
        f"them the path of a weight under either. {read_straight_through(state)}"
    )


def read_straight_through(state: StraightThroughState) -> str:
    """Say the numbers alone, in a line to stand beside the figure."""
    meant, printed = float(state.meant[-1]), float(state.literal[-1])
    if float(state.slope(state.start)) == 0:
        fate = f"As meant, the weight stays at {_short(state.start)}: it is clipped, and its gradient is 0."
    elif state.share_above is not None:
        fate = (
            f"As meant, the weight goes back and forth: x̃ changes {state.flips} times in the last "
            f"{state.steps - state.steps // 2} steps, and is above the target in "
            f"{100 * state.share_above:.0f} % of them."
        )
    else:
        value = _short(float(state.rounded(meant)))
        fate = f"As meant, the weight ends at {_short(meant)}, x̃ = {value}."
    return f"{fate} As printed, it is at {_short(printed)} after {state.steps} steps."


def explore_straight_through() -> Explorer:
    """Let a reader choose a grid, a start, a target and a rate, and watch what the weight does.

    Returns
    -------
    Explorer
        Controls: bits, scale, start, target, learning_rate. Its buttons set up a weight between two codes,
        one that is clipped and wants back, and one whose target is beyond the grid.
    """

    def draw(**values: Any) -> Frame:
        state = StraightThroughState(**values)
        return Frame(
            straight_through_figure(state), describe_straight_through(state), read_straight_through(state)
        )

    place: dict[str, Any] = {"min": -4.0, "max": 4.0, "step": 0.05, "readout_format": ".2f"}
    begin = StraightThroughState()
    return Explorer(
        {
            "bits": control(ipywidgets.IntSlider, "Bits", begin.bits, min=2, max=4),
            "scale": control(
                ipywidgets.FloatSlider,
                "Step s",
                begin.scale,
                min=0.1,
                max=1.5,
                step=0.05,
                readout_format=".2f",
            ),
            "start": control(ipywidgets.FloatSlider, "Start", begin.start, **place),
            "target": control(ipywidgets.FloatSlider, "Target", begin.target, **place),
            "learning_rate": control(
                ipywidgets.FloatLogSlider,
                "Learning rate",
                begin.learning_rate,
                base=10,
                min=-2,
                max=0,
                step=0.1,
                readout_format=".2f",
            ),
        },
        draw,
        {
            "Between codes": lambda _: {"start": -1.2, "target": 0.65},
            "Clipped": lambda _: {"start": 3.0, "target": 0.5},
            "Target outside": lambda _: {"start": 0.0, "target": 3.0},
        },
    )


def _title(state: StraightThroughState) -> str:
    return f"{state.bits} bits, step {_short(state.scale)}: what the weight is told, and where it goes"


def _short(value: float) -> str:
    return written(value, ".3g")


def _draw_stairs(axes: Axes, state: StraightThroughState, low: float, high: float) -> None:
    x = np.linspace(low, high, 1500)
    axes.plot(x, x, color="#999999", linestyle="--", linewidth=1.2)
    axes.plot(x, state.rounded(x), color="black")
    axes.plot(state.start, float(state.rounded(state.start)), "o", color=_MEANT, zorder=4)
    room = 0.3 * (state.grid[-1] - state.grid[0])
    axes.set(xlim=(low, high), ylim=(state.grid[0] - room, state.grid[-1] + room))
    axes.set_title("x̃ (dashed: x)", fontsize=10.5, fontweight="normal", pad=4)
    axes.tick_params(labelbottom=False)
    _mark_ends(axes, state)


def _draw_slopes(axes: Axes, state: StraightThroughState, low: float, high: float) -> None:
    x = np.linspace(low, high, 1500)
    axes.plot(x, state.slope(x), color=_MEANT)
    axes.axhline(state.scale, color=_PRINTED, linestyle="--")
    axes.set(xlim=(low, high), ylim=(-0.12, max(1.15, 1.12 * state.scale)), xlabel="x")
    axes.set_title("slope used (the true one is 0)", fontsize=10.5, fontweight="normal", pad=4)
    _mark_ends(axes, state)


def _draw_path(axes: Axes, state: StraightThroughState) -> None:
    steps = np.arange(state.steps + 1)
    for value in state.grid:
        axes.axhline(value, color="#cccccc", linewidth=1)
    for end in state.ends:
        axes.axhline(end, color="#777777", linewidth=1, linestyle=":")
    axes.axhline(state.target, color=_TARGET, linewidth=2.4)
    axes.plot(steps, state.rounded(state.meant), color="black", linewidth=0.9)
    axes.plot(steps, state.meant, color=_MEANT)
    axes.plot(steps, state.literal, color=_PRINTED, linestyle="--")
    axes.set(xlim=(0, state.steps), xlabel="step of gradient descent")
    drawn = [*state.ends, state.target, *state.literal, *state.meant]
    depth, reach = min(drawn), max(drawn)
    pad = 0.04 * (reach - depth)
    axes.set_ylim(depth - pad, reach + pad)
    axes.set_title("the weight (grey: the grid)", fontsize=10.5, fontweight="normal", pad=4)
    handles = [
        axes.plot([], [], color=_MEANT, label="as meant")[0],
        axes.plot([], [], color="black", linewidth=0.9, label="its x̃")[0],
        axes.plot([], [], color=_PRINTED, linestyle="--", label="as printed")[0],
        axes.plot([], [], color=_TARGET, linewidth=2.4, label="target")[0],
    ]
    axes.legend(
        handles=handles, ncols=4, frameon=False, loc=(-0.02, -0.36), columnspacing=1.2, handlelength=1.6
    )


def _mark_ends(axes: Axes, state: StraightThroughState) -> None:
    for end in state.ends:
        axes.axvline(end, color="#777777", linewidth=1, linestyle=":")
