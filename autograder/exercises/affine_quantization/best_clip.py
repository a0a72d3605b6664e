"""Cutting off on purpose: the clip limit of least error."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _heavy(size: int, bits: int, name: str, lowest: float = 0.3) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        x = rng.normal(size=size)
        x[:3] = rng.uniform(3, 5, size=3) * [1, -1, 1]
        limits = np.sort(rng.uniform(lowest, 1.0, size=24)) * abs(x).max()
        return {"x": x, "bits": bits, "candidates": np.append(limits[::-1], abs(x).max())}

    return case(name, make)


asked = Exercise(
    "affine_quantization.best_clip",
    title="Where to cut",
    minutes=10,
    skills=["clipping", "search"],
    reference=quantization.best_clip,
    outputs=["limit"],
    groups={"value": 2},
    cases=[
        _heavy(40, 2, "2 bits", 0.4),
        _heavy(60, 3, "3 bits"),
        _heavy(80, 4, "4 bits"),
        _heavy(50, 3, "3 bits again"),
    ],
    stretch=True,
    hints=[
        "Each candidate is a grid. Try them all, and keep the one with the least mean squared error.",
        "For a limit c: s = c/(2^{b−1} − 1), codes from −(2^{b−1} − 1) to 2^{b−1} − 1, z = 0. One error for each c.",
        "errors = torch.stack([((x - fake_quantize(x, c / top, 0, -top, top))**2).mean() for c in candidates]); then "
        "argmin gives the place.",
    ],
    follow_up="Your error is measured on the data that chose the limit. What would you do about that?",
)


def _errors(x: Tensor, candidates: Tensor, top: int, power: float = 2.0) -> Tensor:
    values = [quantization.fake_quantize(x, c / top, 0, -top, top) for c in candidates]
    return torch.stack([(x - x_hat).abs() ** power for x_hat in values])


@asked.misconception(
    "the largest error decides",
    says="You choose the limit with the smallest maximum error: it protects the farthest value, and coarsens all others.",
    asks="How many values profit from a wide range, and how many pay for it?",
)
def smallest_maximum(x: Tensor, bits: int, candidates: Tensor) -> Tensor:
    return candidates[_errors(x, candidates, 2 ** (bits - 1) - 1).amax(dim=1).argmin()]


@asked.misconception(
    "the whole range",
    says="You return max|x|: nothing is clipped, whatever the rounding costs.",
    asks="What is the error of the many small values when the step is made for the largest?",
)
def whole_range(x: Tensor, bits: int, candidates: Tensor) -> Tensor:
    return x.abs().max()


@asked.misconception(
    "the largest error instead of the least",
    says="You return the candidate with the greatest mean squared error.",
    asks="Is it argmax or argmin that you want?",
)
def worst(x: Tensor, bits: int, candidates: Tensor) -> Tensor:
    return candidates[_errors(x, candidates, 2 ** (bits - 1) - 1).mean(dim=1).argmax()]


@asked.misconception(
    "the error instead of the limit",
    says="You return the least error, not where it is reached.",
    asks="Is the result a squared error or a limit?",
)
def error_itself(x: Tensor, bits: int, candidates: Tensor) -> Tensor:
    return _errors(x, candidates, 2 ** (bits - 1) - 1).mean(dim=1).min()


@asked.misconception(
    "the scale instead of the limit",
    says="You return the width of a step of the best grid.",
    asks="How many steps are there from 0 to the limit?",
)
def scale_itself(x: Tensor, bits: int, candidates: Tensor) -> Tensor:
    return quantization.best_clip(x, bits, candidates) / (2 ** (bits - 1) - 1)


@asked.misconception(
    "what lies outside does not count",
    says="You average over the values inside the limit, so that the narrowest grid wins.",
    asks="What is the error of a value that is cut off?",
)
def inside_only(x: Tensor, bits: int, candidates: Tensor) -> Tensor:
    squared = _errors(x, candidates, 2 ** (bits - 1) - 1)
    inside = x.abs() <= candidates[:, None]
    return candidates[(squared * inside).sum(dim=1).div(inside.sum(dim=1)).argmin()]


@asked.misconception(
    "one bit too many",
    says="Your grid has 2ᵇ − 1 codes on each side of 0, twice as many as b bits have.",
    asks="Which codes can 3 bits hold, if half of them are negative?",
)
def one_bit_more(x: Tensor, bits: int, candidates: Tensor) -> Tensor:
    return candidates[_errors(x, candidates, 2**bits - 1).mean(dim=1).argmin()]


@asked.misconception(
    "the place in the list",
    says="You return the index of the best candidate.",
    asks="Is 4 a clip limit or the fifth entry?",
)
def index(x: Tensor, bits: int, candidates: Tensor) -> Tensor:
    return _errors(x, candidates, 2 ** (bits - 1) - 1).mean(dim=1).argmin().to(x.dtype)


@asked.misconception(
    "the step is c over 2^{b−1}",
    says="Your grid has its last positive code one step below the limit, and one more code on the negative side.",
    asks="Which code should the value c get?",
)
def power_of_two(x: Tensor, bits: int, candidates: Tensor) -> Tensor:
    half = 2 ** (bits - 1)
    values = [quantization.fake_quantize(x, c / half, 0, -half, half - 1) for c in candidates]
    return candidates[torch.stack([((x - x_hat) ** 2).mean() for x_hat in values]).argmin()]


@asked.misconception(
    "the step of torch.ao",
    says="You divide 2c by all 2ᵇ − 1 steps and use the lowest code too; here the grid is to be symmetric.",
    asks="How many codes lie on either side of 0?",
)
def half_steps(x: Tensor, bits: int, candidates: Tensor) -> Tensor:
    half = 2 ** (bits - 1)
    values = [quantization.fake_quantize(x, 2 * c / (2 * half - 1), 0, -half, half - 1) for c in candidates]
    return candidates[torch.stack([((x - x_hat) ** 2).mean() for x_hat in values]).argmin()]


@asked.also_correct("a loop that keeps the best")
def loop(x: Tensor, bits: int, candidates: Tensor) -> Tensor:
    qmax = 2 ** (bits - 1) - 1
    best, least = candidates[0], float("inf")
    for limit in candidates:
        scale = limit / qmax
        codes = torch.round(x / scale).clamp(-qmax, qmax)
        error = float(((x - codes * scale) ** 2).sum())
        if error < least:
            best, least = limit, error
    return best


@asked.also_correct("all limits at once")
def at_once(x: Tensor, bits: int, candidates: Tensor) -> Tensor:
    top = 2 ** (bits - 1) - 1
    steps = (candidates / top)[:, None]
    rounded = (x[None] / steps).round()
    values = steps * torch.minimum(torch.maximum(rounded, rounded.new_tensor(-top)), rounded.new_tensor(top))
    return candidates[torch.linalg.vector_norm(x - values, dim=1).argmin()]


@asked.also_correct("a plain number")
def plain_number(x: Tensor, bits: int, candidates: Tensor) -> float:
    def error(limit: float) -> float:
        step = limit / (2 ** (bits - 1) - 1)
        return float((x - step * torch.round(x.clamp(-limit, limit) / step)).square().sum())

    return min(candidates.tolist(), key=error)
