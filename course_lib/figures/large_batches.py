"""The matrix that is never whole: a walk over its tiles, and what fills the memory with and without them."""

import math
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from course_lib.figures.controls import control
from course_lib.figures.explorer import Explorer, Frame
from course_lib.figures.large_batches_state import TilesState, size
from course_lib.figures.style import HATCHES, OKABE_ITO, WIDTH, course_style, new_figure

_LEFT, _NOW, _DONE = 0, 1, 2
_LIMITS = (1e5, 1e14)
_MARKS = ((16e9, "laptop, 16 GB"), (80e9, "GPU, 80 GB"))


def tiles_figure(state: TilesState) -> Figure:
    """Draw the matrix of logits in tiles, the statistics at its edges, and the memory on a log axis."""
    height = 4.6
    side = 0.66 * height / WIDTH
    with course_style():
        fig = new_figure(height, constrained=False)
        _draw_walk(fig, state, (0.075, 0.17, side, 0.66), strip=0.022)
        _draw_memory(fig.add_axes((0.625, 0.25, 0.285, 0.58)), state)
        fig.suptitle(_title(state), y=0.975)
    return fig


def describe_tiles(state: TilesState) -> str:
    """Say in words what `tiles_figure` shows: its alt text."""
    plain, saving = state.memory(saving=False), state.memory(saving=True)
    return (
        f"Left: an N by N matrix of logits, N = {state.batch:,}, in {state.side} by {state.side} tiles, of "
        f"which {state.visited:,} are visited, row by row; strips beside it show that {state.rows_done:,} "
        f"rows of tiles are complete, and the columns {state.columns_seen.min():.0%} to "
        f"{state.columns_seen.max():.0%}. "
        "Right: bars on a logarithmic axis of bytes. "
        + " ".join(
            f"{name.capitalize()}: {size(plain[name])} plainly, {size(saving[name])} with tiles and caching."
            for name in plain
        )
    )


def read_tiles(state: TilesState) -> str:
    """Say the numbers alone, in a line to stand beside the figure."""
    plain, saving = (sum(state.memory(saving=way).values()) for way in (False, True))
    return (
        f"N = {state.batch:,}: {size(plain)} in all, {size(saving)} with tiles and gradient caching. "
        f"{state.visited:,} of {state.side**2:,} tiles visited: {state.rows_done:,} of {state.side} rows of "
        f"tiles are final; the columns have seen {state.columns_seen.min():.0%} to "
        f"{state.columns_seen.max():.0%} of the images."
    )


def explore_tiles(batch: int = 32_768, tile: int = 4096) -> Explorer:
    """Let a reader walk over the tiles, and see what N, tile and chunk do to the memory.

    Parameters
    ----------
    batch : int
        Where its slider starts: a power of 2 from 1,024 to 131,072.
    tile : int
        Where its slider starts: a power of 2 from 256 to 8,192.

    Returns
    -------
    Explorer
        Controls: batch, tile, visited (in percent), chunk, per_pair (megabytes).

    Raises
    ------
    ValueError
        If ``batch`` or ``tile`` is none of the values offered.
    """
    batches, sizes = (_powers(10, 17), _powers(8, 13))
    for name, value, offered in (("batch", batch, batches), ("tile", tile, sizes)):
        if value not in offered:
            raise ValueError(f"{name} must be one of {', '.join(map(str, offered))}, got {value!r}.")

    def draw(batch: int, tile: int, visited: int, chunk: int, per_pair: float) -> Frame:
        tiles = math.ceil(batch / tile) ** 2
        state = TilesState(batch, tile, round(tiles * visited / 100), chunk, per_pair * 1e6)
        return Frame(tiles_figure(state), describe_tiles(state), read_tiles(state))

    def choose(description: str, value: int, offered: list[int]) -> Any:
        options = [(f"{one:,}", one) for one in offered]
        return control(ipywidgets.SelectionSlider, description, value, options=options)

    return Explorer(
        {
            "batch": choose("Batch N", batch, batches),
            "tile": choose("Tile", tile, sizes),
            "visited": control(ipywidgets.IntSlider, "Visited, %", 40, min=0, max=100),
            "chunk": choose("Chunk", 64, _powers(3, 12)),
            "per_pair": control(
                ipywidgets.FloatLogSlider,
                "MB per pair",
                10.0,
                base=10,
                min=-1,
                max=2,
                step=0.05,
                readout_format=".2g",
            ),
        },
        draw,
    )


def _powers(low: int, high: int) -> list[int]:
    return [2**power for power in range(low, high + 1)]


def _title(state: TilesState) -> str:
    plain, saving = (sum(state.memory(saving=way).values()) for way in (False, True))
    return f"N = {state.batch:,}: {size(plain)} plainly, {size(saving)} with tiles and caching"


def _draw_walk(
    fig: Figure, state: TilesState, place: tuple[float, float, float, float], strip: float
) -> None:
    left, bottom, width, height = place
    axes = fig.add_axes(place)
    cells = np.full(state.side**2, _LEFT)
    cells[: state.visited] = _DONE
    if state.visited < state.side**2:
        cells[state.visited] = _NOW
    colours = ListedColormap(["#eeeeee", OKABE_ITO["vermillion"], "#9ecae1"])
    axes.imshow(cells.reshape(state.side, state.side), cmap=colours, vmin=0, vmax=2, aspect="auto")
    if state.side <= 32:
        lines = np.arange(1, state.side) - 0.5
        axes.vlines(lines, -0.5, state.side - 0.5, colors="white", linewidth=1)
        axes.hlines(lines, -0.5, state.side - 0.5, colors="white", linewidth=1)
    axes.plot([-0.5, state.side - 0.5], [-0.5, state.side - 0.5], color="black", linewidth=1, linestyle=":")
    axes.set_xlim(-0.5, state.side - 0.5)
    axes.set_ylim(state.side - 0.5, -0.5)
    _bare(axes)
    axes.set_title("Logits: tiles, row by row", pad=8)
    axes.set_ylabel("images")
    ratio = WIDTH / fig.get_size_inches()[1]
    rows = fig.add_axes((left + width + 0.012, bottom, strip, height))
    rows.imshow(state.rows_seen[:, None], cmap="cividis", vmin=0, vmax=1, aspect="auto")
    columns = fig.add_axes((left, bottom - (0.012 + strip) * ratio, width, strip * ratio))
    columns.imshow(state.columns_seen[None], cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for edge in (rows, columns):
        _bare(edge)
    columns.set_xlabel("texts; below them, the share that each column has seen", fontsize=9, labelpad=4)
    rows.yaxis.set_label_position("right")
    rows.set_ylabel("share that each row has seen", fontsize=9)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])


def _draw_memory(axes: Axes, state: TilesState) -> None:
    plain, saving = state.memory(saving=False), state.memory(saving=True)
    for place, name in enumerate(plain):
        for offset, (way, colour, hatch) in zip(
            (-0.19, 0.19),
            ((plain, OKABE_ITO["vermillion"], HATCHES[0]), (saving, OKABE_ITO["blue"], HATCHES[1])),
            strict=True,
        ):
            axes.barh(place + offset, way[name], 0.36, color=colour, hatch=hatch, edgecolor="white")
            # In a column of their own, where no bar and no mark runs through them.
            axes.text(
                1.02,
                place + offset,
                size(way[name]),
                transform=axes.get_yaxis_transform(),
                va="center",
                fontsize=9,
            )
    for mark, label in _MARKS:
        axes.axvline(mark, color="black", linewidth=1.2, linestyle="--" if mark < 5e10 else ":", zorder=0)
        near = mark < 5e10
        axes.text(mark, -0.56, label, ha="right" if near else "left", va="bottom", fontsize=8.5)
    axes.set_xscale("log")
    axes.set_xlim(*_LIMITS)
    axes.set_ylim(2.5, -0.55)
    axes.set_yticks(range(3), list(plain))
    axes.tick_params(axis="y", length=0)
    powers = (1e6, 1e9, 1e12)
    axes.set_xticks(powers, [size(power) for power in powers])
    axes.minorticks_off()
    axes.grid(axis="x")
    axes.set_title("Memory, on a log axis", pad=22)
    axes.text(
        0.5,
        -0.2,
        "solid: plain     hatched: tiles and caching",
        transform=axes.transAxes,
        ha="center",
        fontsize=9,
    )
