"""The interactive figures: each is one pure figure and the controls of its state."""

from functools import lru_cache
from typing import Any

import ipywidgets
import numpy as np
from torch import Tensor

from course_lib.figures.circle import circle_figure, describe_circle, read_circle
from course_lib.figures.circle_state import CircleState, descend, random_circle
from course_lib.figures.controls import control, scale_slider
from course_lib.figures.explorer import Explorer, Frame
from course_lib.figures.softmax_row import describe_softmax, read_softmax, softmax_figure
from course_lib.figures.softmax_state import CAPTIONS, softmax_example
from course_lib.validate import check_int

#: Step size of the circle's descent, in units of batch/logit_scale: the gradient grows with the scale and
#: shrinks with the batch, so a fixed learning rate would crawl at scale 1 and jump about at scale 100.
RATE = 0.3


def explore_softmax(
    captions: tuple[str, ...] = CAPTIONS,
    images: np.ndarray | Tensor | None = None,
    *,
    logit_scale: float = 10.0,
    alignment: float = 0.8,
    seed: int = 0,
) -> Explorer:
    """Let a reader turn logit scale and alignment of the pairs, and watch softmax and gradient follow.

    Parameters
    ----------
    captions : tuple of str, at least 2
        One for each pair; the second pair resembles the first.
    images : array or Tensor, optional
        Small pictures for the rows; see `SoftmaxState`.
    logit_scale : float from 1 to 100
        Where its slider starts; the slider is logarithmic.
    alignment : float from 0 to 1
        Where its slider starts: the cosine of every image with its own text.
    seed : int
        Of the directions, which are random.

    Returns
    -------
    Explorer
        Controls: logit_scale, alignment, highlighted (the pair that is framed and read out).

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; see `softmax_example`.
    """

    def draw(**values: Any) -> Frame:
        state = softmax_example(captions=captions, images=images, seed=seed, **values)
        return Frame(softmax_figure(state), describe_softmax(state), read_softmax(state))

    pairs = [(f"{pair + 1}: {caption}", pair) for pair, caption in enumerate(captions)]
    return Explorer(
        {
            "logit_scale": scale_slider(logit_scale),
            "alignment": control(ipywidgets.FloatSlider, "Alignment", alignment, min=0, max=1, step=0.02),
            "highlighted": control(ipywidgets.SelectionSlider, "Pair", 0, options=pairs),
        },
        draw,
    )


def explore_circle(
    batch_size: int = 4, *, logit_scale: float = 10.0, max_steps: int = 40, seed: int = 0
) -> Explorer:
    """Let a reader walk a batch on the circle down its loss, at any logit scale and from any start.

    Parameters
    ----------
    batch_size : int, at least 2
    logit_scale : float from 1 to 100
        Where its slider starts; the slider is logarithmic.
    max_steps : int, at least 1
        Steps of gradient descent that the slider offers, each of learning rate 0.3 · batch/logit_scale.
    seed : int from 0 to 999
        Of the start; the button "Shuffle" goes on to the next one.

    Returns
    -------
    Explorer
        Controls: logit_scale, steps, seed.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """
    check_int("max_steps", max_steps, low=1)
    check_int("seed", seed, low=0, high=999)

    @lru_cache(maxsize=32)
    def walk(logit_scale: float, seed: int) -> tuple[list[CircleState], list[float]]:
        start = random_circle(batch_size, logit_scale, seed)
        path = descend(start, RATE * batch_size / logit_scale, max_steps)
        return path, [state.batch.loss for state in path]

    def draw(logit_scale: float, steps: int, seed: int) -> Frame:
        path, losses = walk(logit_scale, seed)
        state = path[steps]
        return Frame(
            circle_figure(state, losses[: steps + 1], max_steps),
            describe_circle(state, steps),
            read_circle(state, steps),
        )

    return Explorer(
        {
            "logit_scale": scale_slider(logit_scale),
            "steps": control(ipywidgets.IntSlider, "Steps", 0, min=0, max=max_steps),
            "seed": control(ipywidgets.BoundedIntText, "Start (seed)", seed, width="14em", min=0, max=999),
        },
        draw,
        {"Shuffle": lambda values: {"seed": (values["seed"] + 1) % 1000, "steps": 0}},
    )
