"""AWQ's search: how strongly to stretch, judged by the output."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization

Error = Callable[[Tensor, Tensor, Tensor, int], Tensor]


def awq_search(weight: Tensor, inputs: Tensor, bits: int, grid: int) -> Tensor:
    """Of a grid of powers of the mean magnitudes, the scale with the least output error."""
    return quantization.awq_search_scale(weight, inputs, bits, grid=grid).scale


def _size(inputs: Tensor) -> Tensor:
    return inputs.abs().mean(dim=0)


def _level(scale: Tensor) -> Tensor:
    return scale / (scale.max() * scale.min()).sqrt()


def _output_error(weight: Tensor, inputs: Tensor, scale: Tensor, bits: int) -> Tensor:
    off = quantization.awq_weight(weight, scale, bits) - weight
    return (inputs @ off.T).square().mean()


def _best(
    weight: Tensor,
    inputs: Tensor,
    bits: int,
    grid: int,
    size: Callable[[Tensor], Tensor] = _size,
    error: Error = _output_error,
    level: Callable[[Tensor], Tensor] = _level,
    steps: float | None = None,
) -> Tensor:
    scales = [level(size(inputs) ** (k / (grid if steps is None else steps))) for k in range(grid)]
    return min(scales, key=lambda s: float(error(weight, inputs, s, bits)))


def _alphas(weight: Tensor, inputs: Tensor, bits: int, grid: int) -> tuple[list[float], list[float]]:
    scales = [_level(_size(inputs) ** (k / grid)) for k in range(grid)]
    weights = [float((quantization.awq_weight(weight, s, bits) - weight).square().mean()) for s in scales]
    return [float(_output_error(weight, inputs, s, bits)) for s in scales], weights


def _largest_error(weight: Tensor, inputs: Tensor, scale: Tensor, bits: int) -> Tensor:
    return (inputs @ (quantization.awq_weight(weight, scale, bits) - weight).T).abs().max()


def _beyond(weight: Tensor, inputs: Tensor, bits: int) -> Tensor:
    """The error for the power 1, which is not tried."""
    return _output_error(weight, inputs, _level(_size(inputs)), bits)


def _layer(outputs: int, width: int, bits: int, grid: int, subtle: bool = False) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        while True:
            sizes = np.exp(rng.normal(size=width))
            x = sizes * (rng.normal(size=(12, width)) + 0.3)
            # One token is large where the others are small: a maximum sees little else.
            x[0, int(sizes.argmin())] = 4 * sizes.max()
            weight = rng.normal(size=(outputs, width))
            tensors = torch.from_numpy(weight), torch.from_numpy(x)
            outputs_off, weights_off = _alphas(*tensors, bits, grid)
            best = int(np.argmin(outputs_off))
            first, second = sorted(outputs_off)[:2]
            # A clear winner, not at the end of the grid, and another than the one for the weights.
            if not (second > 1.02 * first and best > 0 and int(np.argmin(weights_off)) != best):
                continue
            other = _best(*tensors, bits, grid, error=_largest_error)
            found = _best(*tensors, bits, grid)
            if not subtle or (_beyond(*tensors, bits) < 0.98 * first and not torch.equal(other, found)):
                return {"weight": weight, "inputs": x, "bits": bits, "grid": grid}

    return case(f"{outputs}×{width} weights on {bits} bits, {grid} powers", make)


asked = Exercise(
    "post_training.awq_search",
    title="How far to stretch",
    minutes=10,
    skills=["AWQ", "grid search"],
    reference=awq_search,
    outputs=["scale"],
    groups={"value": 3},
    cases=[_layer(2, 3, 3, 3), _layer(4, 4, 3, 4), _layer(3, 6, 2, 5), _layer(2, 5, 3, 6, subtle=True)],
    write_yourself=["course_lib.quantization.awq:awq_search_scale"],
    hints=[
        "For each power, ask how much the output changes, and keep the scale for which it changes least.",
        "size = mean of |x| over the tokens, [inputs]. For k = 0 … grid − 1: size to the power k / grid, divided by "
        "the root of its largest times its smallest entry; awq_weight gives the weights in effect.",
        "In the loop: s = size ** (k / grid); s = s / (s.max() * s.min()).sqrt(); the error is the mean square of "
        "inputs @ (awq_weight(weight, s, bits) - weight).T; remember the s of the smallest.",
    ],
    follow_up="The power 0 is in the grid. What does that guarantee, and on which data?",
)


@asked.misconception(
    "the maximum of |x|",
    says="You measure an input by its largest value, so a single token decides.",
    asks="Which number says how large an input typically is?",
)
def maximum(weight: Tensor, inputs: Tensor, bits: int, grid: int) -> Tensor:
    return _best(weight, inputs, bits, grid, lambda x: x.abs().amax(dim=0))


@asked.misconception(
    "the root mean square",
    says="You measure an input by the root of its mean square; AWQ takes the mean magnitude, which outliers move less.",
    asks="Which of the two doubles when one token in a hundred is a hundred times as large?",
)
def root_mean_square(weight: Tensor, inputs: Tensor, bits: int, grid: int) -> Tensor:
    return _best(weight, inputs, bits, grid, lambda x: x.square().mean(dim=0).sqrt())


@asked.misconception(
    "the mean without magnitudes",
    says="You average the inputs with their signs, so that large ones may cancel to 0.",
    asks="What is the mean of −100 and 100, and is that input small?",
)
def signed(weight: Tensor, inputs: Tensor, bits: int, grid: int) -> Tensor:
    return _best(weight, inputs, bits, grid, lambda x: x.mean(dim=0).abs())


@asked.misconception(
    "the size of the weights",
    says="You stretch columns by the size of their weights; the inputs only judge.",
    asks="The A of AWQ: whose magnitude tells which columns matter?",
)
def weights_decide(weight: Tensor, inputs: Tensor, bits: int, grid: int) -> Tensor:
    return _best(weight, inputs, bits, grid, lambda x: weight.abs().mean(dim=0))


@asked.misconception(
    "the scale is not folded back",
    says="You compare stretched weights with the given ones, so every stretching looks bad, and none is chosen.",
    asks="Between which two outputs is the error to be taken?",
)
def not_folded_back(weight: Tensor, inputs: Tensor, bits: int, grid: int) -> Tensor:
    def error(weight: Tensor, inputs: Tensor, scale: Tensor, bits: int) -> Tensor:
        still = quantization.awq_weight(weight, scale, bits) * scale
        return (inputs @ (still - weight).T).square().mean()

    return _best(weight, inputs, bits, grid, error=error)


@asked.misconception(
    "the error of the weights",
    says="You choose the scale with the least error of the weights, and the inputs have no say in it.",
    asks="What do you want to keep: the weights, or what comes out of the layer?",
)
def weight_error(weight: Tensor, inputs: Tensor, bits: int, grid: int) -> Tensor:
    def error(weight: Tensor, inputs: Tensor, scale: Tensor, bits: int) -> Tensor:
        return (quantization.awq_weight(weight, scale, bits) - weight).square().mean()

    return _best(weight, inputs, bits, grid, error=error)


@asked.misconception(
    "not levelled",
    says="Your scale is a multiple of the right one: the search is right, and the last division is missing.",
    asks="What should the product of its largest and smallest entry be?",
)
def not_levelled(weight: Tensor, inputs: Tensor, bits: int, grid: int) -> Tensor:
    return _best(weight, inputs, bits, grid, level=lambda s: s)


@asked.misconception(
    "levelled to a mean of 1",
    says="Your scale is a multiple of the right one: you divide by its mean.",
    asks="The division is by a root. Of which product?",
)
def levelled_to_one(weight: Tensor, inputs: Tensor, bits: int, grid: int) -> Tensor:
    return _best(weight, inputs, bits, grid, level=lambda s: s / s.mean())


@asked.misconception(
    "the powers reach 1",
    says="You divide by grid − 1, so your powers are others: the last one is 1.",
    asks="What is α for k = 1?",
)
def up_to_one(weight: Tensor, inputs: Tensor, bits: int, grid: int) -> Tensor:
    return _best(weight, inputs, bits, grid, steps=grid - 1)


@asked.misconception(
    "the last power",
    says="You return the scale of the largest power, whatever its error.",
    asks="Is the best one remembered, or the one that came last?",
)
def the_last(weight: Tensor, inputs: Tensor, bits: int, grid: int) -> Tensor:
    return _level(_size(inputs) ** ((grid - 1) / grid))


@asked.misconception(
    "one power too many",
    says="You try α = 1 as well; the grid ends before it.",
    asks="How many powers are k = 0 … G − 1?",
)
def one_too_many(weight: Tensor, inputs: Tensor, bits: int, grid: int) -> Tensor:
    scales = [_level(_size(inputs) ** (k / grid)) for k in range(grid + 1)]
    return min(scales, key=lambda s: float(_output_error(weight, inputs, s, bits)))


@asked.misconception(
    "the largest error of the output",
    says="You choose the scale whose worst output is best; a single token then decides.",
    asks="Which average of the output's errors is to be small?",
)
def largest_error(weight: Tensor, inputs: Tensor, bits: int, grid: int) -> Tensor:
    return _best(weight, inputs, bits, grid, error=_largest_error)


@asked.also_correct("all errors in a tensor")
def with_argmin(weight: Tensor, inputs: Tensor, bits: int, grid: int) -> Tensor:
    size = torch.linalg.vector_norm(inputs, ord=1, dim=0) / len(inputs)
    powers = size ** (torch.arange(grid, dtype=size.dtype)[:, None] / grid)
    powers = powers * (powers.amax(1, keepdim=True) * powers.amin(1, keepdim=True)).rsqrt()
    target = inputs @ weight.T
    errors = [(inputs @ quantization.awq_weight(weight, p, bits).T - target).pow(2).sum() for p in powers]
    return powers[torch.stack(errors).argmin()]


@asked.also_correct("with the inputs shrunk instead of the weights")
def shrunk_inputs(weight: Tensor, inputs: Tensor, bits: int, grid: int) -> Tensor:
    best, least = torch.ones_like(inputs[0]), float("inf")
    for k in range(grid):
        a = k / grid
        m = inputs.abs().sum(dim=0).div(len(inputs)).pow(a)
        s = m / torch.sqrt(m.max() * m.min())
        codes = quantization.quantize_per_channel(weight * s, *quantization.code_range(bits))
        y = (inputs / s) @ quantization.dequantize(*codes, axis=0).T
        off = float(torch.dist(y, inputs @ weight.T))
        if off < least:
            best, least = s, off
    return best
