"""What one number, the bias, does to a batch: shares of the gradient, loss, probabilities."""

from typing import Any

import ipywidgets
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from course_lib.figures.controls import control, scale_slider
from course_lib.figures.explorer import Explorer, Frame
from course_lib.figures.siglip_state import SiglipState
from course_lib.figures.style import HATCHES, OKABE_ITO, course_style, new_figure
from course_lib.figures.words import percent
from course_lib.validate import check_int, check_scale

_PULL, _PUSH = OKABE_ITO["blue"], OKABE_ITO["vermillion"]
_BIASES = (-20.0, 10.0)
_HEIGHT = 3.7


def siglip_bias_figure(state: SiglipState) -> Figure:
    """Draw who moves the batch, the loss over the bias, and where the logits are.

    Parameters
    ----------
    state : SiglipState

    Returns
    -------
    matplotlib.figure.Figure
        Three panels: shares of Σ |∂L/∂ℓ|; L(b) with b and b* = −log(N − 1) marked; the distributions of the
        logits of pairs and of non-pairs, with their mean probabilities.
    """
    with course_style():
        fig = new_figure(_HEIGHT, constrained=False)
        places = ((0.065, 0.2), (0.36, 0.27), (0.7, 0.28))
        shares, loss, logits = (fig.add_axes((left, 0.15, width, 0.63)) for left, width in places)
        _draw_shares(shares, state)
        _draw_loss(loss, state)
        _draw_logits(logits, state)
        fig.suptitle(
            f"Loss {state.loss:.4g} for N = {state.batch:,} at bias {_signed(state.logit_bias)}"
            f"   (b* = {_signed(state.start)})",
            y=0.97,
        )
    return fig


def describe_siglip_bias(state: SiglipState) -> str:
    """Say in words what `siglip_bias_figure` shows: its alt text."""
    return (
        "Three panels: bars of the positives' and the negatives' share of the gradient, the loss against the "
        "bias with the current bias and b* marked, and the distributions of the logits. "
        f"{read_siglip_bias(state)}"
    )


def read_siglip_bias(state: SiglipState) -> str:
    """Say the numbers alone, in a line to stand beside the figure."""
    share, lowest = state.positive_share, _lowest(state)
    return (
        f"Loss {state.loss:.4g} nats; the lowest over the bias is {lowest[1]:.4g}, at {_signed(lowest[0])}; "
        f"b* = {_signed(state.start)}. Of the gradient, {_share(share)} comes from the {state.batch:,} pairs "
        f"and {_share(1 - share)} from the {state.batch * (state.batch - 1):,} others. Mean probability of a "
        f"pair {_chance(state.positive_logits)}, of another combination {_chance(state.negative_logits)}."
    )


def explore_siglip_bias(
    batch: int = 4096, *, logit_bias: float = 0.0, logit_scale: float = 10.0, alignment: float = 0.0
) -> Explorer:
    """Let a reader turn bias, batch size, scale and training, and see whom the gradient listens to.

    Parameters
    ----------
    batch : int, a power of 2 from 2 to 65,536
        Where its slider starts.
    logit_bias : float from −20 to 10
        Where its slider starts.
    logit_scale : float from 1 to 100
        Where its slider starts; the slider is logarithmic.
    alignment : float from 0 to 1
        Where its slider starts: the mean cosine of a pair, 0 before training.

    Returns
    -------
    Explorer
        Controls: logit_bias, batch, logit_scale, alignment; the button "b*" puts the bias on −log(N − 1).

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """
    check_int("batch", batch, low=2, high=2**16)
    check_scale("logit_bias", logit_bias)
    if batch & (batch - 1):
        raise ValueError(f"batch must be a power of 2, got {batch}.")

    def draw(**values: Any) -> Frame:
        state = SiglipState(**values)
        return Frame(siglip_bias_figure(state), describe_siglip_bias(state), read_siglip_bias(state))

    sizes = [(f"{2**power:,}", 2**power) for power in range(1, 17)]
    low, high = _BIASES
    return Explorer(
        {
            "logit_bias": control(
                ipywidgets.FloatSlider,
                "Bias b",
                logit_bias,
                min=low,
                max=high,
                step=0.25,
                readout_format=".2f",
            ),
            "batch": control(ipywidgets.SelectionSlider, "Batch N", batch, options=sizes),
            "logit_scale": scale_slider(logit_scale),
            "alignment": control(ipywidgets.FloatSlider, "Pair's cosine", alignment, min=0, max=1, step=0.05),
        },
        draw,
        {"b*": lambda values: {"logit_bias": SiglipState(values["batch"], 0.0).start}},
    )


def _draw_shares(axes: Axes, state: SiglipState) -> None:
    shares = (state.positive_share, 1 - state.positive_share)
    names = ("pairs\npull", "others\npush")
    places = (0, 1)
    for place, share, colour, hatch in zip(places, shares, (_PULL, _PUSH), HATCHES, strict=False):
        axes.bar(place, share, 0.62, color=colour, hatch=hatch, edgecolor="white")
        axes.text(place, share + 0.02, _share(share), ha="center", fontsize=9.5)
    axes.axhline(0.5, color="black", linestyle=":", linewidth=1.2)
    axes.set(xlim=(-0.6, 1.6), ylim=(0, 1.12), title="1 · Who moves it")
    axes.set_xticks(places, names)
    axes.set_yticks([0, 0.5, 1], ["0", "½", "1"])
    axes.set_ylabel("share of Σ |∂L/∂ℓ|")
    axes.tick_params(axis="x", length=0)


def _draw_loss(axes: Axes, state: SiglipState) -> None:
    biases = _grid()
    axes.plot(biases, state.losses(biases), color="#555555")
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.axvline(state.start, color="black", linestyle="--", linewidth=1.3)
    axes.text(state.start + 0.4, 0.97, "b*", transform=axes.get_xaxis_transform(), va="top")
    axes.plot(*_lowest(state), "v", color="black", markersize=7, label="lowest")
    axes.plot(state.logit_bias, state.loss, "o", color=OKABE_ITO["reddish purple"], markersize=9, label="now")
    axes.legend(loc="lower right", frameon=False, handlelength=1, borderaxespad=0)
    axes.set(xlim=_BIASES, title="2 · Loss over the bias", xlabel="bias b", ylabel="loss in nats")
    axes.grid(axis="y")


def _draw_logits(axes: Axes, state: SiglipState) -> None:
    both = (
        (state.negative_logits, _PUSH, "--", "others"),
        (state.positive_logits, _PULL, "-", "pairs"),
    )
    edges = torch.linspace(-30, 20, 101, dtype=torch.float64)
    for logits, colour, style, name in both:
        # The density of 201 equally likely values, as a smooth bump: a kernel of the histogram's own width.
        width = max(float(logits.std()), 0.15)
        bump = torch.exp(-0.5 * ((edges - logits.mean()) / width) ** 2)
        axes.fill_between(edges, bump, color=colour, alpha=0.18, linewidth=0)
        axes.plot(edges, bump, color=colour, linestyle=style, label=f"{name}: {_chance(logits)}")
    axes.axvline(0, color="black", linewidth=1)
    axes.set(
        xlim=(-30, 20),
        ylim=(0, 1.5),
        title="3 · Logits, and mean σ(ℓ)",
        xlabel="logit ℓ  (right of 0: σ > ½)",
    )
    axes.set_yticks([])
    axes.legend(loc="upper right", frameon=False, handlelength=1.6, borderaxespad=0)


def _grid() -> torch.Tensor:
    return torch.linspace(*_BIASES, 121, dtype=torch.float64)


def _lowest(state: SiglipState) -> tuple[float, float]:
    """The best bias within the axis, to a quarter, and its loss."""
    losses = state.losses(_grid())
    place = int(losses.argmin())
    return float(_grid()[place]), float(losses[place])


def _chance(logits: torch.Tensor) -> str:
    return f"{float(torch.sigmoid(logits).mean()):.2g}"


def _share(share: float) -> str:
    return percent(share) if 0.001 <= share <= 0.999 else f"{100 * share:.2f} %"


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
