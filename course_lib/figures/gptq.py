"""A row of weights between its grid lines, rounded from the left, and the output error on the way."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from course_lib.figures.gptq_state import GPTQState
from course_lib.figures.style import OKABE_ITO, course_style, new_figure
from course_lib.figures.words import percent

_FIXED, _FREE, _PLAIN = OKABE_ITO["blue"], OKABE_ITO["vermillion"], "#555555"


def gptq_figure(state: GPTQState) -> Figure:
    """Draw where every weight of the row stands, and how the output error grew.

    Parameters
    ----------
    state : GPTQState

    Returns
    -------
    matplotlib.figure.Figure
        On the left the weights over their columns: as given, rounded, and those to come with a line from
        where they were; the codes' values are lines. On the right the output error after each column, with
        feedback and without.
    """
    with course_style():
        fig = new_figure(4.0, constrained=False)
        _draw_row(fig.add_axes((0.085, 0.255, 0.52, 0.585)), state)
        _draw_errors(fig.add_axes((0.7, 0.255, 0.275, 0.585)), state)
        fig.suptitle(_title(state), y=0.975)
    return fig


def describe_gptq(state: GPTQState) -> str:
    """Say in words what `gptq_figure` shows: its alt text."""
    return (
        f"{len(state.weight)} weights over {len(state.grid)} grid lines, the first {state.done} of them "
        "rounded, the others joined by lines to their given values, from which feedback has moved them. "
        "Beside it the output error after each column, with feedback and without. " + read_gptq(state)
    )


def read_gptq(state: GPTQState) -> str:
    """Say the numbers alone, in a line to stand beside the figure."""
    fed, plain = (float(errors[state.done]) for errors in state.errors)
    last_fed, last_plain = (float(errors[-1]) for errors in state.errors)
    weight_fed, weight_plain = state.weight_errors
    return (
        f"{state.done} of {len(state.weight)} columns rounded. Output error {percent(fed)} of the output's "
        f"power (rounding to nearest {percent(plain)}); error of the weights {percent(weight_fed)} "
        f"({percent(weight_plain)}). "
        f"At the end the output error is {percent(last_fed)} ({percent(last_plain)})."
    )


def _title(state: GPTQState) -> str:
    if state.done == 0:
        return f"{state.bits} bits: nothing is rounded yet"
    if state.done == len(state.weight):
        return f"{state.bits} bits: all columns are rounded"
    return f"{state.bits} bits: column {state.done - 1} is rounded, those to come make up for it"


def _draw_row(axes: Axes, state: GPTQState) -> None:
    given, now = state.weight.tolist(), state.now.tolist()
    width = len(given)
    for value in state.grid.tolist():
        axes.axhline(value, color="#cccccc", linewidth=0.9, zorder=0)
    if state.done:
        axes.axvspan(state.done - 1.5, state.done - 0.5, color="#f3ead2", zorder=-1)
    axes.plot(range(width), given, "o", color="white", markeredgecolor="black", markersize=8, zorder=2)
    for i in range(width):
        fixed = i < state.done
        colour = _FIXED if fixed else _FREE
        axes.plot([i, i], [given[i], now[i]], color=colour, linewidth=2.2, zorder=3)
        axes.plot(i, now[i], "s" if fixed else "D", color=colour, markersize=8 if fixed else 6, zorder=4)
    low, high = float(state.path.min()), float(state.path.max())
    margin = 0.08 * (high - low)
    axes.set(xlim=(-0.6, width - 0.4), ylim=(low - margin, high + margin), xlabel="column", ylabel="weight")
    axes.set_xticks(range(width))
    axes.set_title("grey lines: values that have codes", fontsize=10.5, fontweight="normal", pad=5)
    marks = [
        Line2D([], [], marker="o", color="white", markeredgecolor="black", markersize=8, label="as given"),
        Line2D([], [], marker="s", color=_FIXED, linestyle="", markersize=8, label="rounded"),
        Line2D([], [], marker="D", color=_FREE, linestyle="", markersize=6, label="to come"),
    ]
    axes.legend(handles=marks, ncols=3, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.2))


def _draw_errors(axes: Axes, state: GPTQState) -> None:
    fed, plain = (errors.tolist() for errors in state.errors)
    steps = range(len(fed))
    axes.plot(steps, [100 * e for e in plain], "--", color=_PLAIN, label="to nearest")
    axes.plot(steps, [100 * e for e in fed], "-", color=_FIXED, label="with feedback")
    axes.plot(state.done, 100 * plain[state.done], "^", color=_PLAIN)
    axes.plot(state.done, 100 * fed[state.done], "s", color=_FIXED)
    axes.set(xlabel="columns rounded", ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.grid(axis="y")
    axes.set_title("output error in %", fontsize=10.5, fontweight="normal", pad=5)
    axes.legend(
        ncols=2,
        frameon=False,
        handlelength=1.8,
        loc="upper center",
        bbox_to_anchor=(0.4, -0.2),
        columnspacing=1.2,
    )
