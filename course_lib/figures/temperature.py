"""The temperature figure: loss, effective negatives and gradient norm on one axis, and one row's softmax."""

from collections.abc import Mapping
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from course_lib.experiments.temperature import Pairs, sweep
from course_lib.figures.controls import control
from course_lib.figures.explorer import Explorer, Frame
from course_lib.figures.matrix import shortened
from course_lib.figures.style import OKABE_ITO, course_style, new_figure
from course_lib.figures.temperature_state import (
    CURVE,
    HIGH,
    LOW,
    OVERFLOW,
    STEP,
    TemperatureState,
)
from course_lib.figures.words import percent

CLIP = 0.01  # CLIP's limit: 1/τ = 100
SHOWN = 6  # candidates of the row that is shown
LABEL = 24  # characters of a candidate's name that fit beside its bar

_PANELS = (
    ("Loss (nats)", "blue", "-", (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)),
    ("Effective negatives", "vermillion", "--", (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)),
    ("Gradient norm", "bluish green", "-.", (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)),
)


def temperature_figure(state: TemperatureState) -> Figure:
    """Draw three curves against the temperature, one mark on all of them, and the softmax of one row.

    Parameters
    ----------
    state : TemperatureState

    Returns
    -------
    matplotlib.figure.Figure
        The shaded strip is where exp(1/τ) overflows float32: 1/τ > 88.72. CLIP's own limit lies in it.
    """
    curves = (state.curves.losses, state.curves.effective_negatives, state.curves.gradient_norms)
    with course_style():
        fig = new_figure(5.4, constrained=False)
        for place, (panel, curve, mark) in enumerate(zip(_PANELS, curves, state.marks, strict=True)):
            axes = fig.add_axes((0.065 + 0.325 * place, 0.565, 0.265, 0.325))
            _draw_curve(axes, panel, curve, mark, state)
        fig.text(
            0.5,
            0.435,
            "grey: exp(1/τ) is infinite in float32, 1/τ > 88.72    ·    dotted: CLIP's limit, 1/τ = 100",
            ha="center",
            fontsize=9.5,
        )
        _draw_row(fig.add_axes((0.3, 0.06, 0.64, 0.275)), state)
        fig.suptitle(
            f"Temperature τ = {state.temperature:.3g}, logit scale 1/τ = {1 / state.temperature:.3g}: "
            f"recall at 1 is {percent(state.curves.recall[0])} at every τ",
            y=0.985,
        )
    return fig


def describe_temperature(state: TemperatureState) -> str:
    """Say in words what `temperature_figure` shows: its alt text."""
    return (
        "Three curves against the temperature on a logarithmic axis: the loss, which is lowest at "
        f"τ = {state.curves.best_temperature:.2g}; the effective negatives, which fall from "
        f"{max(state.curves.effective_negatives):.0f} to {min(state.curves.effective_negatives):.1f} as τ "
        f"shrinks; the gradient norm. All are marked at one τ, and a shaded strip at τ below {OVERFLOW:.4f} "
        f"shows where exp overflows float32. Below, the likeliest texts of one image. "
        f"{read_temperature(state)}"
    )


def read_temperature(state: TemperatureState) -> str:
    """Say the numbers alone, in a line to stand beside the figure."""
    loss, effective, norm = state.marks
    own = next(one for one in state.candidates(SHOWN) if one.right)
    warning = " exp(1/τ) is infinite in float32: only a shifted softmax survives." if state.overflows else ""
    return (
        f"τ = {state.temperature:.3g} (scale {1 / state.temperature:.3g}): loss {loss:.3f} nats, "
        f"{effective:.1f} effective negatives of {len(state.batch.images) - 1}, gradient norm {norm:.3f}. "
        f"“{own.name}” gives its own text {percent(own.probability)}.{warning}"
    )


def explore_temperature(
    batches: Mapping[str, Pairs], *, temperature: float = 0.07, queries: int = 12
) -> Explorer:
    """Let a reader turn the temperature, and watch loss, effective negatives and gradient move together.

    Parameters
    ----------
    batches : mapping from a name to Pairs
        Between which the reader chooses; all with the same number of pairs.
    temperature : float from 0.0032 to 1.02
        Where its slider starts; the slider is logarithmic.
    queries : int
        Images that the reader can choose from: the first ones of each batch.

    Returns
    -------
    Explorer
        Controls: temperature, batch, query (the place of the image whose softmax is drawn).

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; see `TemperatureState`.
    """
    if not batches:
        raise ValueError("batches must hold at least one named batch of pairs, got none.")
    curves = {name: sweep(batch, CURVE) for name, batch in batches.items()}

    def draw(temperature: float, batch: str, query: int) -> Frame:
        state = TemperatureState(batches[batch], curves[batch], temperature, query - 1)
        return Frame(temperature_figure(state), describe_temperature(state), read_temperature(state))

    first = next(iter(batches))
    return Explorer(
        {
            "temperature": control(
                ipywidgets.FloatLogSlider,
                "τ",
                temperature,
                base=10,
                min=LOW,
                max=HIGH,
                step=STEP,
                readout_format=".3g",
            ),
            "batch": control(ipywidgets.ToggleButtons, "Pairs", first, options=list(batches)),
            "query": control(ipywidgets.IntSlider, "Image", 1, min=1, max=queries),
        },
        draw,
        {"CLIP starts (0.07)": _at(0.07), "CLIP's limit (0.01)": _at(0.01)},
    )


def _at(temperature: float) -> Any:
    return lambda _: {"temperature": temperature}


def _draw_curve(
    axes: Axes,
    panel: tuple[str, str, Any, tuple[float, ...]],
    curve: tuple[float, ...],
    mark: float,
    state: TemperatureState,
) -> None:
    title, colour, style, ticks = panel
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.axvspan(CURVE[0], OVERFLOW, color="#dddddd", linewidth=0)
    axes.axvline(CLIP, color="#444444", linewidth=1.2, linestyle=":")
    axes.plot(CURVE, curve, color=OKABE_ITO[colour], linestyle=style)
    axes.axvline(state.temperature, color="black", linewidth=1)
    axes.plot([state.temperature], [mark], marker="o", color="black", markersize=8)
    axes.annotate(
        f"{mark:.3g}",
        (state.temperature, mark),
        xytext=(7, 7) if state.temperature < 0.2 else (-7, 7),
        textcoords="offset points",
        ha="left" if state.temperature < 0.2 else "right",
        fontweight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85},
    )
    # Ticks, label and title are placed by hand, and no power of ten is typeset: a third of the drawing time.
    low, high = 0.7 * min(curve), 2.5 * max(curve)
    axes.set(xlim=(CURVE[0], CURVE[-1]), ylim=(low, high))
    axes.set_xticks([0.01, 0.07, 0.2, 1.0], ["0.01", "0.07", "0.2", "1"])
    shown = [tick for tick in ticks if low <= tick <= high]
    axes.set_yticks(shown, [f"{tick:g}" for tick in shown])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.text(0.5, -0.21, "temperature τ", transform=axes.transAxes, ha="center", va="center", fontsize=10.5)
    axes.set_title(title, y=1.03, pad=0)
    axes.grid(axis="y")


def _draw_row(axes: Axes, state: TemperatureState) -> None:
    shown = state.candidates(SHOWN)
    places = np.arange(len(shown))[::-1]
    for place, one in zip(places, shown, strict=True):
        axes.barh(
            place,
            one.probability,
            color=OKABE_ITO["blue"] if one.right else OKABE_ITO["orange"],
            hatch="" if one.right else "///",
            edgecolor="white",
            height=0.7,
        )
        axes.text(one.probability + 0.01, place, percent(one.probability), va="center", fontsize=9)
    axes.set_yticks(
        places,
        [f"{'✓ ' if one.right else ''}{shortened(one.name, LABEL)}  ({one.cosine:.2f})" for one in shown],
    )
    axes.set_xlim(0, 1.12)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.tick_params(axis="y", length=0)
    name = state.batch.names[state.query]
    axes.set_title(f"Softmax of the row of “{shortened(name, LABEL)}” (cosines in brackets)", y=1.03, pad=0)
