"""A roofline, where a batch of sequences stands under it, and what takes its time."""

import math
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.figures.controls import control
from course_lib.figures.explorer import Explorer, Frame
from course_lib.figures.matrix import written
from course_lib.figures.roofline_state import MODELS, RooflineState
from course_lib.figures.style import HATCHES, OKABE_ITO, course_style, new_figure
from course_lib.validate import check_positive

_ROOF, _HERE, _PROMPT = "black", OKABE_ITO["vermillion"], OKABE_ITO["blue"]
_PARTS = (OKABE_ITO["blue"], OKABE_ITO["sky blue"], OKABE_ITO["orange"])
#: Tokens of the prompt that is drawn beside the decoding.
PROMPT = 512
#: Intensities that are drawn, operations for each byte.
_SPAN = (0.1, 3000.0)


def roofline_figure(state: RooflineState) -> Figure:
    """Draw both roofs over the operations for each byte, this decoding, a prompt, and the time of a step.

    Parameters
    ----------
    state : RooflineState

    Returns
    -------
    matplotlib.figure.Figure
        On the left the roofline, logarithmic both ways; on the right, what reading weights and caches
        takes in one step, and arithmetic.
    """
    with course_style():
        fig = new_figure(3.9, constrained=False)
        _draw_roofs(fig.add_axes((0.075, 0.17, 0.5, 0.67)), state)
        _draw_times(fig.add_axes((0.715, 0.34, 0.255, 0.45)), state)
        bound = "memory" if state.memory_bound else "arithmetic"
        fig.suptitle(f"At most {_number(state.tokens_per_second)} tokens a second, by {bound}", y=0.975)
    return fig


def describe_roofline(state: RooflineState) -> str:
    """Say in words what `roofline_figure` shows: its alt text."""
    return (
        f"A roofline: speed rising with the operations for each byte up to {state.ridge:.3g}, flat behind, "
        f"and a point for {state.model} on the {'slope' if state.memory_bound else 'flat part'}. Beside it, "
        "bars of the time for weights, cache and arithmetic. " + read_roofline(state)
    )


def read_roofline(state: RooflineState) -> str:
    """Say the numbers alone, in a line to stand beside the figure."""
    weights, cache, arithmetic = state.seconds
    return (
        f"{state.intensity:.3g} operations for each byte; both roofs meet at {state.ridge:.3g}. A step reads "
        f"{_bytes(state.weight_bytes)} of weights in {_time(weights)} and {_bytes(state.cache_bytes)} of "
        f"cache in {_time(cache)}; its arithmetic takes {_time(arithmetic)}. At most "
        f"{_number(state.tokens_per_second)} tokens a second, "
        f"{_number(state.tokens_per_second / state.batch)} for each sequence."
    )


def explore_roofline(
    bandwidth: float = 20e9, float_rate: float = 100e9, int8_rate: float = float("nan")
) -> Explorer:
    """Let a reader change bits, batch and context, and watch which roof is the lower one.

    Parameters
    ----------
    bandwidth : float > 0
        Bytes a second, as measured.
    float_rate : float > 0
        Floating-point operations a second.
    int8_rate : float
        Those on 8-bit integers, for W8A8; NaN where there is no kernel, and then there is no such choice.

    Returns
    -------
    Explorer
        Controls: model, bits, cache_bits, batch, context, arithmetic.

    Raises
    ------
    TypeError, ValueError
        If a rate is not positive.
    """
    check_positive("bandwidth", bandwidth)
    check_positive("float_rate", float_rate)
    rates = {"floating point": float_rate}
    if not math.isnan(int8_rate):
        check_positive("int8_rate", int8_rate)
        rates["int8"] = int8_rate

    def draw(arithmetic: str, **values: Any) -> Frame:
        state = RooflineState(bandwidth, rates[arithmetic], **values)
        return Frame(roofline_figure(state), describe_roofline(state), read_roofline(state))

    def choice(description: str, value: Any, options: Any) -> Any:
        return control(ipywidgets.SelectionSlider, description, value, options=options)

    bits = [32, 16, 8, 4]
    batch = [2**power for power in range(11)]
    context = [0, *(2**power for power in range(7, 18))]
    return Explorer(
        {
            "model": choice("Model", "SmolLM2-135M", list(MODELS)),
            "bits": choice("Weight bits", 32, bits),
            "cache_bits": choice("Cache bits", 32, bits),
            "batch": choice("Sequences", 1, batch),
            "context": choice("Context", 0, context),
            "arithmetic": choice("Arithmetic", "floating point", list(rates)),
        },
        draw,
        {"A busy server": lambda _: {"batch": 128}, "A long context": lambda _: {"context": 32768}},
    )


def _draw_roofs(axes: Axes, state: RooflineState) -> None:
    low, high = _SPAN
    at = np.array([low, state.ridge, high])
    axes.loglog(at, np.minimum(at * state.bandwidth, state.rate), color=_ROOF, linewidth=2.2)
    axes.axvline(state.ridge, color=_ROOF, linestyle=":", linewidth=1)
    floor = low * state.bandwidth / 1.5
    # On the side where the decoding's own line does not stand.
    place, side = (state.ridge * 1.15, "left") if state.memory_bound else (state.ridge / 1.15, "right")
    axes.text(place, floor * 1.4, "roofs meet", fontsize=9, color="black", ha=side)
    prompt = 2 * state.size.parameters * PROMPT / state.weight_bytes
    for name, x, colour, marker in (
        (f"prompt of {PROMPT}", prompt, _PROMPT, "s"),
        ("decoding", state.intensity, _HERE, "o"),
    ):
        y = min(x * state.bandwidth, state.rate)
        axes.vlines(x, floor, y, color=colour, linewidth=1.2, linestyle="--")
        axes.plot(x, y, marker, color=colour, markersize=10, label=name, zorder=4)
    axes.set(xlim=_SPAN, ylim=(floor, state.rate * 3))
    axes.set(xlabel="operations for each byte read", ylabel="operations a second")
    axes.grid(alpha=0.6)
    axes.legend(loc="upper left", ncols=2, frameon=True, fontsize=9)


def _draw_times(axes: Axes, state: RooflineState) -> None:
    weights, cache, arithmetic = (1000 * part for part in state.seconds)
    labels = ["read", "multiply"]
    axes.barh(0, weights, 0.55, color=_PARTS[0], label="weights")
    axes.barh(
        0, cache, 0.55, left=weights, color=_PARTS[1], hatch=HATCHES[1], edgecolor="white", label="cache"
    )
    axes.barh(1, arithmetic, 0.55, color=_PARTS[2], label="arithmetic")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(1.6, -0.6)
    axes.margins(x=0.06)
    axes.locator_params(axis="x", nbins=4)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("milliseconds for a step")
    axes.set_title("what takes the time", fontsize=10.5, fontweight="normal", pad=5)
    axes.legend(ncols=3, frameon=False, fontsize=8.5, handlelength=1.2, columnspacing=0.9, loc=(-0.3, -0.58))


def _number(value: float) -> str:
    return written(value, ",.0f") if value >= 100 else written(value, ".3g")


def _time(seconds: float) -> str:
    return f"{_number(1000 * seconds)} ms"


def _bytes(count: float) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"
