"""Rounding by chance, whose mean has a slope."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _dithered(shape: tuple[int, ...], bits: int, spread: float, name: str) -> CaseSpec:
    qmin, qmax = quantization.code_range(bits)

    def make(rng: Generator) -> dict[str, object]:
        scale = float(rng.uniform(0.2, 0.5))
        noise = rng.uniform(-0.45, 0.45, size=shape)
        # With the noise, at most 0.45 steps off a whole number: no rounding error decides.
        places = np.round(spread * rng.normal(size=shape)) + rng.uniform(-0.45, 0.45, size=shape)
        return {"x": scale * (places - noise), "noise": noise, "scale": scale, "qmin": qmin, "qmax": qmax}

    return case(name, make)


asked = Exercise(
    "quantization_aware.dithered_quantize",
    title="What the estimator estimates",
    minutes=8,
    skills=["straight-through estimator", "stochastic rounding"],
    reference=quantization.dithered_quantize,
    outputs=["values on the grid"],
    groups={"value": 2},
    cases=[
        _dithered((6,), 3, 1.5, "6 values on 3 bits"),
        _dithered((3, 4), 3, 4.0, "3×4 values, many outside of 3 bits"),
        _dithered((2, 5), 4, 3.0, "2×5 values on 4 bits"),
    ],
    hints=[
        "The noise is given in steps, and it moves a value towards one or the other neighbour before the rounding.",
        "x/s + noise → round → clip to the codes → times s. The zero point is 0.",
        "codes = torch.round(x / scale + noise), clamped; the result is scale times them.",
    ],
    follow_up="For x 0.2 steps beyond the last code: between which two codes does the noise choose, and what is the mean?",
)


@asked.misconception(
    "the noise is not used",
    says="You round to the nearest, always: the mean over the noise is still a staircase.",
    asks="What has to be different from one draw to the next?",
)
def no_noise(x: Tensor, noise: Tensor, scale: float, qmin: int, qmax: int) -> Tensor:
    return torch.round(x / scale).clamp(qmin, qmax) * scale


@asked.misconception(
    "the noise is added after the rounding",
    says="Your results are no grid points: the noise is still in them.",
    asks="Should the noise decide which code is taken, or be added to it?",
)
def after_rounding(x: Tensor, noise: Tensor, scale: float, qmin: int, qmax: int) -> Tensor:
    return (torch.round(x / scale) + noise).clamp(qmin, qmax) * scale


@asked.misconception(
    "the noise is added to x, in units of x",
    says="The noise is given in steps; you add it before dividing by s.",
    asks="How far must the noise reach, for a value halfway between two codes to be equally often on either?",
)
def in_values(x: Tensor, noise: Tensor, scale: float, qmin: int, qmax: int) -> Tensor:
    return torch.round((x + noise) / scale).clamp(qmin, qmax) * scale


@asked.misconception(
    "rounded down instead of to the nearest",
    says="floor needs noise from 0 to 1. With noise from −½ to ½ your mean lies half a step too low.",
    asks="What is the mean of floor(x + u), for u uniform on [−½, ½]?",
)
def floored(x: Tensor, noise: Tensor, scale: float, qmin: int, qmax: int) -> Tensor:
    return torch.floor(x / scale + noise).clamp(qmin, qmax) * scale


@asked.misconception(
    "not clipped",
    says="Some of your values have no code.",
    asks="Which is the largest value of this grid?",
)
def unclipped(x: Tensor, noise: Tensor, scale: float, qmin: int, qmax: int) -> Tensor:
    return torch.round(x / scale + noise) * scale


@asked.misconception(
    "codes instead of values",
    says="You return codes: the last step, times s, is missing.",
    asks="In which unit is the mean to be compared with x?",
)
def codes_returned(x: Tensor, noise: Tensor, scale: float, qmin: int, qmax: int) -> Tensor:
    return torch.round(x / scale + noise).clamp(qmin, qmax)


@asked.misconception(
    "the noise is taken off again",
    says="That is dither of another kind (subtractive): the error becomes uniform, but the results are no grid points.",
    asks="Which values can an integer code stand for?",
)
def subtractive(x: Tensor, noise: Tensor, scale: float, qmin: int, qmax: int) -> Tensor:
    return (torch.round(x / scale + noise).clamp(qmin, qmax) - noise) * scale


@asked.misconception(
    "the noise has the wrong sign",
    says="You subtract the noise. By chance that would be just as good; the cases give you the noise to add.",
    asks="Does the docstring say + or −?",
)
def subtracted(x: Tensor, noise: Tensor, scale: float, qmin: int, qmax: int) -> Tensor:
    return torch.round(x / scale - noise).clamp(qmin, qmax) * scale


@asked.also_correct("by the lower neighbour and a comparison")
def by_comparison(x: Tensor, noise: Tensor, scale: float, qmin: int, qmax: int) -> Tensor:
    lower = torch.floor(x / scale)
    fraction = x / scale - lower
    codes = lower + (fraction + noise >= 0.5).to(x.dtype)
    return scale * torch.clip(codes, qmin, qmax)


@asked.also_correct("floor, of noise from 0 to 1, and limits as values")
def by_floor(x: Tensor, noise: Tensor, scale: float, qmin: int, qmax: int) -> Tensor:
    return (scale * torch.floor(x / scale + (noise + 0.5))).clamp(scale * qmin, scale * qmax)


@asked.also_correct("clipped first: noise cannot leave the outermost code")
def clipped_first(x: Tensor, noise: Tensor, scale: float, qmin: int, qmax: int) -> Tensor:
    return torch.round((x / scale).clamp(qmin, qmax) + noise) * scale
