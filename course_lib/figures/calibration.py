"""A histogram of calibration data, and the range that each observer picks from it."""

from collections.abc import Mapping
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.figures.calibration_state import CalibrationState
from course_lib.figures.controls import control
from course_lib.figures.explorer import Explorer, Frame
from course_lib.figures.matrix import written
from course_lib.figures.style import HATCHES, MARKERS, SERIES_COLOURS, course_style, new_figure
from course_lib.figures.words import percent
from course_lib.validate import check_int


def calibration_figure(state: CalibrationState) -> Figure:
    """Draw the values that were seen, each observer's range below them, and its signal to noise beside that.

    Parameters
    ----------
    state : CalibrationState

    Returns
    -------
    matplotlib.figure.Figure
        The axis of values is linear where 99 % of them lie, and logarithmic outside, so that the bulk and a
        stray value can both be seen.
    """
    with course_style():
        fig = new_figure(4.4, constrained=False)
        top, below, beside = (0.155, 0.53, 0.5, 0.34), (0.155, 0.13, 0.5, 0.37), (0.7, 0.13, 0.27, 0.37)
        axes = fig.add_axes(top)
        _draw_values(axes, state)
        _draw_ranges(fig.add_axes(below, sharex=axes), state)
        _draw_decibels(fig.add_axes(beside), state)
        fig.suptitle(f"{state.bits} bits: least noise with {state.best}", y=0.975)
    return fig


def describe_calibration(state: CalibrationState) -> str:
    """Say in words what `calibration_figure` shows: its alt text."""
    ends = (_short(float(end)) for end in (state.seen.min(), state.seen.max()))
    return (
        "Histogram of calibration values from {} to {}; below it, five observers' ranges as lines, ".format(
            *ends
        )
        + "and bars of the signal to noise on unseen values. "
        + read_calibration(state)
    )


def read_calibration(state: CalibrationState) -> str:
    """Say the numbers alone, in a line to stand beside the figure."""
    return " ".join(
        f"{name}: {_short(low)} … {_short(high)}, cuts {percent(state.cut[name])}, "
        f"{written(state.sqnr[name], '.1f')} dB."
        for name, (low, high) in state.ranges.items()
    )


def explore_calibration(data: Mapping[str, Tensor], *, bits: int = 8) -> Explorer:
    """Let a reader choose data, bits and percentile, and compare what five observers make of them.

    Parameters
    ----------
    data : mapping from a name to a Tensor, shape [batches, values]
        As for `CalibrationState`.
    bits : int from 2 to 8
        Where its slider starts.

    Returns
    -------
    Explorer
        Controls: data, bits, percentile.

    Raises
    ------
    TypeError, ValueError
        If there is no data, or bits are out of range.
    """
    check_int("bits", bits, low=2, high=8)
    if not data:
        raise ValueError("data must hold at least one named tensor, got none.")

    def draw(data: str, bits: int, percentile: float) -> Frame:
        state = CalibrationState(choice[data], bits, percentile)
        return Frame(calibration_figure(state), describe_calibration(state), read_calibration(state))

    choice = dict(data)
    controls: dict[str, Any] = {
        "data": control(ipywidgets.Dropdown, "Values", next(iter(choice)), options=list(choice)),
        "bits": control(ipywidgets.IntSlider, "Bits", bits, min=2, max=8),
        "percentile": control(
            ipywidgets.SelectionSlider, "Percentile", 99.9, options=[95.0, 99.0, 99.9, 99.99, 99.999, 100.0]
        ),
    }
    return Explorer(controls, draw)


def _draw_values(axes: Axes, state: CalibrationState) -> None:
    x, bend = state.seen.flatten().double().numpy(), state.usual
    ends = min(x.min(), 0.0), max(x.max(), 0.0)
    axes.set_xscale("symlog", linthresh=bend, linscale=2.0)
    borders = np.linspace(-bend, bend, 61)
    outer = [
        np.geomspace(bend, 1.001 * abs(end), 13)[1:] if abs(end) > bend else np.array([]) for end in ends
    ]
    borders = np.concatenate([-outer[0][::-1], borders, outer[1]])
    counts, borders = np.histogram(x, bins=borders)
    # Heights as logarithms: one stray value stays visible beside thousands.
    axes.stairs(np.log10(counts + 1), borders, fill=True, color="#bbbbbb")
    span = 1.15 * max(abs(ends[0]), abs(ends[1]), bend)
    axes.set_xlim(-span if ends[0] < -0.02 * bend else -0.15 * bend, span if ends[1] > 0 else 0.15 * bend)
    axes.set_ylabel("log₁₀(count + 1)", fontsize=9.5)
    axes.tick_params(axis="x", labelbottom=False)
    axes.set_title("values seen in calibration", fontsize=10.5, fontweight="normal", pad=5)


def _draw_ranges(axes: Axes, state: CalibrationState) -> None:
    for place, (low, high) in enumerate(state.ranges.values()):
        look: dict[str, Any] = {
            "color": SERIES_COLOURS[place],
            "marker": MARKERS[place],
            "markersize": 7,
            "clip_on": False,
        }
        axes.plot([low, high], [place, place], linewidth=2.6, **look)
    axes.axvline(0, color="#444444", linewidth=0.8)
    axes.set_yticks(range(len(state.ranges)), list(state.ranges))
    axes.set_ylim(len(state.ranges) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", alpha=0.6)
    left, right = axes.get_xlim()
    bend = state.usual
    ticks = [t for t in (left / 1.15, -bend, 0.0, bend, right / 1.15) if left <= t <= right]
    kept = [t for t in ticks if t == 0 or abs(t) in (bend,) or abs(t) > 2.5 * bend]
    axes.set_xticks(kept, [_short(t, ".2g") for t in kept])
    axes.minorticks_off()
    axes.set_xlabel("value (linear in the middle, logarithmic outside)")


def _draw_decibels(axes: Axes, state: CalibrationState) -> None:
    for place, decibels in enumerate(state.sqnr.values()):
        hatch = HATCHES[place % len(HATCHES)]
        bar = axes.barh(
            place, max(decibels, 0), 0.62, color=SERIES_COLOURS[place], hatch=hatch, edgecolor="white"
        )
        axes.bar_label(bar, [written(decibels, ".1f")], padding=3, fontsize=9)
    axes.set_ylim(len(state.sqnr) - 0.5, -0.5)
    axes.set_xlim(0, 1.22 * max(*state.sqnr.values(), 1.0))
    axes.set_yticks([])
    axes.set_xlabel("dB, on values not seen")
    axes.set_title("signal to noise", fontsize=10.5, fontweight="normal", pad=5)


def _short(value: float, number_format: str = ".3g") -> str:
    return written(value, number_format if abs(value) < 1000 else ",.0f")
