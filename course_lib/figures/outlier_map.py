"""Tokens by channels: where an outlier lies, a column or a single cell."""

from dataclasses import dataclass
from functools import cached_property

import ipywidgets
import numpy as np
import torch
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from course_lib import quantization
from course_lib.data import load_activations
from course_lib.figures.controls import control
from course_lib.figures.explorer import Explorer, Frame
from course_lib.figures.matrix import shortened
from course_lib.figures.style import SEQUENTIAL, course_style, new_figure
from course_lib.validate import check_int

#: How many channels are drawn, the loudest ones.
MOST_CHANNELS = 24
#: Powers of ten of the ordinary magnitude, at the ends of the colour map.
_LIMITS = (-1.0, 4.0)


@dataclass(frozen=True, eq=False)
class OutlierMap:
    """One sequence of recorded activations, and the channels that are drawn of it.

    Parameters
    ----------
    layer : int
    kind : str
        A recorded input, as for ``Activations.inputs``.
    sequence : int from 0 to 7
    without_first : bool
        Whether the first token is left out, of the picture and of the choice of channels.

    Raises
    ------
    ValueError
        If there is no such input or sequence.
    """

    layer: int
    kind: str
    sequence: int = 0
    without_first: bool = False

    def __post_init__(self) -> None:
        check_int("sequence", self.sequence, low=0, high=len(load_activations().tokens) - 1)
        load_activations().inputs(self.layer, self.kind)  # type: ignore[arg-type]  # checks both

    @cached_property
    def all_inputs(self) -> torch.Tensor:
        """All sequences, without their first token if it is left out."""
        x = torch.from_numpy(load_activations().inputs(self.layer, self.kind))  # type: ignore[arg-type]
        return x[:, int(self.without_first) :]

    @cached_property
    def maxima(self) -> torch.Tensor:
        """The largest magnitude of every channel, over all sequences."""
        return quantization.act_absmax([self.all_inputs])

    @cached_property
    def channels(self) -> list[int]:
        """The loudest channels, the loudest first."""
        return self.maxima.argsort(descending=True)[:MOST_CHANNELS].tolist()

    @cached_property
    def values(self) -> np.ndarray:
        """Magnitudes of this sequence in these channels, over the median magnitude."""
        size = self.all_inputs.abs()
        typical = size[size > 0].median()
        return (size[self.sequence][:, self.channels] / typical).numpy()

    @property
    def words(self) -> tuple[str, ...]:
        """The tokens of the rows."""
        return load_activations().tokens[self.sequence][int(self.without_first) :]

    @cached_property
    def found(self) -> quantization.Outliers:
        """What `outlier_kind` says of all sequences."""
        return quantization.outlier_kind(self.all_inputs)

    @property
    def ratio(self) -> float:
        """The largest channel maximum over the median one."""
        return float(self.maxima.max() / self.maxima.median())


def outlier_map_figure(state: OutlierMap) -> Figure:
    """Draw magnitudes as colours, a row for each token and a column for each of the loudest channels.

    Parameters
    ----------
    state : OutlierMap

    Returns
    -------
    matplotlib.figure.Figure
        Colours are powers of ten of the median magnitude, the same in all pictures.
    """
    with course_style():
        fig = new_figure(5.0, constrained=False)
        axes = fig.add_axes((0.135, 0.15, 0.72, 0.72))
        sizes = np.log10(np.maximum(state.values, 1e-6))
        image = axes.imshow(sizes, cmap=SEQUENTIAL, norm=Normalize(*_LIMITS, clip=True), aspect="auto")
        axes.set_yticks(range(len(state.words)), [_word(word) for word in state.words])
        axes.set_xticks(range(len(state.channels)), [str(channel) for channel in state.channels], rotation=90)
        axes.tick_params(length=0)
        axes.set_xlabel("channel, loudest first")
        bar = fig.colorbar(image, cax=fig.add_axes((0.885, 0.15, 0.02, 0.72)))
        powers = range(int(_LIMITS[0]), int(_LIMITS[1]) + 1)
        bar.set_ticks(list(powers), labels=[f"{10.0**power:,g}" for power in powers])
        bar.ax.set_title("medians", fontsize=9.5, fontweight="normal", pad=6)
        fig.suptitle(_title(state), y=0.965)
    return fig


def describe_outlier_map(state: OutlierMap) -> str:
    """Say in words what `outlier_map_figure` shows: its alt text."""
    return (
        f"A map of {len(state.words)} tokens by the {len(state.channels)} loudest channels, by size. "
        + read_outlier_map(state)
    )


def read_outlier_map(state: OutlierMap) -> str:
    """Say the numbers alone, in a line to stand beside the figure."""
    row, column = np.unravel_index(int(state.values.argmax()), state.values.shape)
    kinds = {
        "none": "no outlier by outlier_kind",
        "channel": f"persistent channels: {', '.join(map(str, state.found.channels[:6].tolist()))}"
        + (", …" if len(state.found.channels) > 6 else ""),
        "token": "massive tokens, and no persistent channel",
        "both": f"massive tokens, and {len(state.found.channels)} persistent channels",
    }
    return (
        f"Largest channel maximum over the median one: {state.ratio:,.0f}. In this sequence the largest "
        f"entry is at “{_word(state.words[row])}”, channel {state.channels[column]}: "
        f"{state.values[row, column]:,.0f} medians. "
        f"In all sequences: {kinds[state.found.kind]}."
    )


def explore_outliers(*, layer: int = 11, kind: str = "down") -> Explorer:
    """Let a reader look for outliers in all recorded inputs, with and without the first token.

    Parameters
    ----------
    layer, kind
        The input that is shown first.

    Returns
    -------
    Explorer
        Controls: input, sequence, tokens.

    Raises
    ------
    ValueError
        If there is no such input.
    """
    OutlierMap(layer, kind)
    activations = load_activations()
    options = {
        f"layer {number}, {name}": (number, name)
        for number in activations.layers
        for name in ("qkv", "gate_up", "down")
    }

    def draw(input: str, sequence: int, tokens: str) -> Frame:
        state = OutlierMap(*options[input], sequence, tokens != "all")
        return Frame(outlier_map_figure(state), describe_outlier_map(state), read_outlier_map(state))

    return Explorer(
        {
            "input": control(
                ipywidgets.SelectionSlider, "Input", f"layer {layer}, {kind}", options=list(options)
            ),
            "sequence": control(ipywidgets.IntSlider, "Sequence", 0, min=0, max=len(activations.tokens) - 1),
            "tokens": control(
                ipywidgets.SelectionSlider, "Tokens", "all", options=["all", "without the first"]
            ),
        },
        draw,
    )


def _word(word: str) -> str:
    return shortened(word.strip() or "␣")


def _title(state: OutlierMap) -> str:
    tokens = ", without first tokens" if state.without_first else ""
    return f"Layer {state.layer}, {state.kind}{tokens}: loudest channel {state.ratio:,.0f} × the median one"
