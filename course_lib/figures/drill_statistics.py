"""A learner's drills: what the next days bring, and how well the learner knows what is known."""

from datetime import timedelta

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from course_lib.figures.drill_statistics_state import DrillStatisticsState
from course_lib.figures.style import HATCHES, OKABE_ITO, course_style, new_figure
from course_lib.figures.words import percent


def drill_statistics_figure(state: DrillStatisticsState) -> Figure:
    """Draw the cards expected to be due by day, and beside them confidence against what was right.

    Parameters
    ----------
    state : DrillStatisticsState

    Returns
    -------
    matplotlib.figure.Figure
        On the left a bar for each day, the part that is likely to be forgotten hatched on top; on the right
        a point for each level of confidence with one standard error. On the dashed line, somebody who says
        70 % is right in 70 %.
    """
    with course_style():
        fig = new_figure(3.8)
        forecast, calibration = fig.subplots(1, 2, width_ratios=(2, 1))
        _draw_days(forecast, state)
        _draw_sureness(calibration, state)
    return fig


def describe_drill_statistics(state: DrillStatisticsState) -> str:
    """Say in words what `drill_statistics_figure` shows: its alt text."""
    days = len(state.due)
    busiest = int(np.argmax(state.due))
    said = [
        f"Bars of the cards expected to be due on {days} day{'s' * (days > 1)} from {state.first}: "
        f"{sum(state.due):.0f} in all, of which {sum(state.forgotten):.0f} are likely to be forgotten; "
        f"{state.due[0]:.0f} on the first day, most on {state.first + timedelta(days=busiest)} with "
        f"{state.due[busiest]:.0f}."
    ]
    if state.days_to_interview is not None:
        said.append(f"A line marks the interview on {state.interview}.")
    levels = [f"{percent(one.share)} right of {one.answers} at {percent(one.said)}" for one in state.sureness]
    said.append(
        f"Beside them, what was right by how sure the learner was: {', '.join(levels)}."
        if levels
        else "Beside them, an empty diagram for confidence: no answer had one yet."
    )
    return " ".join(said)


def _draw_days(axes: Axes, state: DrillStatisticsState) -> None:
    at = np.arange(len(state.due))
    forgotten = np.array(state.forgotten, dtype=float)
    known = np.array(state.due, dtype=float) - forgotten
    axes.bar(at, known, 0.8, color=OKABE_ITO["blue"], label="likely to be known")
    axes.bar(
        at,
        forgotten,
        0.8,
        bottom=known,
        color=OKABE_ITO["orange"],
        hatch=HATCHES[1],
        edgecolor="white",
        label="likely to be forgotten",
    )
    if state.days_to_interview is not None:
        axes.axvline(
            state.days_to_interview - 0.5, color="black", linestyle="--", linewidth=1.5, label="interview"
        )
    every = max(1, -(-len(at) // 6))
    labels = [f"{state.first + timedelta(days=int(day)):%d %b}" for day in at[::every]]
    axes.set_xticks(at[::every], labels)
    axes.set_xlim(-0.6, len(at) - 0.4)
    axes.set_ylim(0, max(*state.due, 1) * 1.3)  # the legend stands above the bars
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.grid(axis="y")
    axes.set(title="What comes due", ylabel="cards")
    axes.legend(loc="upper right", ncols=3, frameon=False, fontsize=8.5)


def _draw_sureness(axes: Axes, state: DrillStatisticsState) -> None:
    axes.plot([0, 1], [0, 1], color="black", linestyle="--", linewidth=1.2)
    axes.errorbar(
        [one.said for one in state.sureness],
        [one.share for one in state.sureness],
        yerr=[one.error for one in state.sureness],
        fmt="o",
        capsize=4,
        color=OKABE_ITO["vermillion"],
    )
    for one in state.sureness:
        axes.annotate(
            f"{one.answers}", (one.said, one.share), (7, -11), textcoords="offset points", fontsize=9
        )
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
        axis.set_ticks([0, 0.25, 0.5, 0.75, 1])
    axes.grid()
    axes.set(title="Do you know what you know?", xlabel="how sure you were", ylabel="right")
