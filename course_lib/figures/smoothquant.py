"""Channel maxima of activations and weights before and after smoothing, and the output error over α."""

import ipywidgets
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.figures.controls import control
from course_lib.figures.explorer import Explorer, Frame
from course_lib.figures.matrix import written
from course_lib.figures.smoothquant_state import ALPHAS, SmoothState, smooth_examples
from course_lib.figures.style import OKABE_ITO, course_style, new_figure
from course_lib.figures.words import percent

_BEFORE, _AFTER, _ERROR = "#777777", OKABE_ITO["blue"], OKABE_ITO["vermillion"]


def smoothquant_figure(state: SmoothState) -> Figure:
    """Draw maxima of |X| and |W| by channel, before and after smoothing, and the error of every α.

    Parameters
    ----------
    state : SmoothState

    Returns
    -------
    matplotlib.figure.Figure
        Channels are in the order of their activation maxima, the largest first; both panels have one
        logarithmic scale. On the right the median token's output error, with a line for no smoothing.
    """
    layer, order = state.layer, state.layer.act_absmax.argsort(descending=True)
    with course_style():
        fig = new_figure(3.9, constrained=False)
        panels = [fig.add_axes((left, 0.17, 0.25, 0.63)) for left in (0.075, 0.355, 0.735)]
        values = [layer.act_absmax, layer.weight_absmax, state.act_absmax, state.weight_absmax]
        positive = np.concatenate([value.numpy()[value.numpy() > 0] for value in values])
        limits = positive.min() / 1.5, positive.max() * 2.5
        _draw_maxima(panels[0], layer.act_absmax[order], state.act_absmax[order], limits)
        _draw_maxima(panels[1], layer.weight_absmax[order], state.weight_absmax[order], limits)
        panels[0].set_title("max |X| of each channel", fontsize=10.5, fontweight="normal", pad=5)
        panels[1].set_title("max |W| of each column", fontsize=10.5, fontweight="normal", pad=5)
        panels[1].set_yticklabels([])
        panels[0].set_xlabel("channels, loudest first")
        panels[1].set_xlabel("the same channels")
        panels[0].legend(loc="upper right", frameon=False, handlelength=1.2, borderaxespad=0.1)
        _draw_errors(panels[2], state)
        fig.suptitle(_title(state), y=0.975)
    return fig


def describe_smoothquant(state: SmoothState) -> str:
    """Say in words what `smoothquant_figure` shows: its alt text."""
    return (
        "Two panels with the largest activation and the largest weight of every channel, before and after "
        "smoothing, loudest channels first, and one with the median token's output error over α and a line "
        "for no smoothing. " + read_smoothquant(state)
    )


def read_smoothquant(state: SmoothState) -> str:
    """Say the numbers alone, in a line to stand beside the figure."""
    before, after = _spread(state.layer.act_absmax), _spread(state.act_absmax)
    w_before, w_after = _spread(state.layer.weight_absmax), _spread(state.weight_absmax)
    errors = [written(100 * error, ".2f") for error in (state.error, state.unsmoothed, min(state.errors))]
    return (
        f"Largest channel maximum over the median one: activations {before:,.1f} before and {after:,.1f} "
        f"after smoothing, weights {w_before:,.1f} before and {w_after:,.1f} after. The median token's "
        f"output error: {errors[0]} % at α = {state.alpha:.2f}, {errors[1]} % without smoothing, "
        f"{errors[2]} % at the best α, {state.best:.2f}."
    )


def explore_smoothquant(*, alpha: float = 0.5) -> Explorer:
    """Let a reader move difficulty between activations and weights, of real and of made-up layers.

    Parameters
    ----------
    alpha : float from 0 to 1
        Where its slider starts.

    Returns
    -------
    Explorer
        Controls: layer, alpha, scales ("static" or "per token"). Its button "Best α" moves the slider there.

    Raises
    ------
    ValueError
        If ``alpha`` is out of range.
    """
    layers = smooth_examples()
    SmoothState(next(iter(layers.values())), alpha)

    def state_of(layer: str, alpha: float, scales: str) -> SmoothState:
        return SmoothState(layers[layer], alpha, scales == "per token")

    def draw(layer: str, alpha: float, scales: str) -> Frame:
        state = state_of(layer, alpha, scales)
        return Frame(smoothquant_figure(state), describe_smoothquant(state), read_smoothquant(state))

    return Explorer(
        {
            "layer": control(ipywidgets.SelectionSlider, "Layer", next(iter(layers)), options=list(layers)),
            "alpha": control(ipywidgets.FloatSlider, "α", alpha, min=0, max=1, step=0.05),
            "scales": control(
                ipywidgets.SelectionSlider, "Scales of x", "static", options=["static", "per token"]
            ),
        },
        draw,
        {"Best α": lambda values: {"alpha": state_of(**values).best}},
    )


def _spread(maxima: Tensor) -> float:
    return float(maxima.max() / maxima.median())


def _title(state: SmoothState) -> str:
    return (
        f"{state.layer.name[0].upper()}{state.layer.name[1:]}, α = {state.alpha:.2f}: "
        f"output error {percent(state.error)}, unsmoothed {percent(state.unsmoothed)}"
    )


def _draw_maxima(axes: Axes, before: Tensor, after: Tensor, limits: tuple[float, float]) -> None:
    places = np.arange(1, len(before) + 1)
    # A logarithmic axis gives the few loud channels on the left room, and the many quiet ones little.
    axes.plot(places, after.numpy(), "o", color=_AFTER, markersize=2.6, label="after", zorder=2)
    axes.plot(places, before.numpy(), color=_BEFORE, linewidth=1.3, label="before", zorder=3)
    axes.set(xscale="log", yscale="log", ylim=limits, xlim=(0.85, len(before) * 1.2))


def _draw_errors(axes: Axes, state: SmoothState) -> None:
    axes.plot(ALPHAS, [100 * error for error in state.errors], color=_ERROR)
    axes.axhline(100 * state.unsmoothed, color="black", linestyle="--", linewidth=1.2)
    axes.plot(state.alpha, 100 * state.error, "D", color=_AFTER, markersize=9, zorder=4)
    axes.text(
        0.5,
        100 * state.unsmoothed,
        "no smoothing",
        ha="center",
        va="bottom",
        fontsize=9,
        transform=axes.get_yaxis_transform(),
    )
    axes.set(yscale="log", xlim=(-0.03, 1.03), xlabel="α")
    axes.margins(y=0.12)
    low, high = axes.get_ylim()
    shown: list[float] = []
    for steps in ((1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.05, 1.1, 1.15, 1.2, 1.3, 1.5, 2, 3, 4, 5, 6, 8)):
        ticks = [step * 10.0**decade for decade in range(-4, 3) for step in steps]
        shown = [tick for tick in ticks if low <= tick <= high]
        if len(shown) > 2:
            break
    axes.set_yticks(shown, [f"{tick:g} %" for tick in shown])
    axes.minorticks_off()
    axes.set_title("output error, median token", fontsize=10.5, fontweight="normal", pad=5)
