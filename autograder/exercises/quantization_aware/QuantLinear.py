"""A linear layer in quantization-aware training, as a class."""

from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn.functional import linear

from autograder.exercise import CaseSpec, Exercise, case
from autograder.observers import StateObserver
from course_lib import quantization


class QuantLinear:
    """The reference: rounding in the forward pass, floating-point weights behind it."""

    def __init__(self, weight: Tensor, bias: Tensor, bits: int) -> None:
        self.weight = weight.detach().clone().requires_grad_()
        self.bias = bias.detach().clone().requires_grad_()
        self.bits, self.observing = bits, True
        self.low = self.high = torch.zeros((), dtype=weight.dtype)

    def forward(self, x: Tensor) -> Tensor:
        if self.observing:
            self._watch(x)
        return linear(self._rounded_input(x), self._rounded_weight(), self._used_bias())

    def stop_observing(self) -> None:
        self.observing = False

    def codes(self) -> Tensor:
        scale = self._weight_scale()
        return quantization.quantize(self.weight.detach(), scale, 0, *self._weight_codes(), axis=0)

    # What the wrong ones below spoil, each a part.

    def _watch(self, x: Tensor) -> None:
        self.low = torch.minimum(self.low, x.detach().min())
        self.high = torch.maximum(self.high, x.detach().max())

    def _rounded_input(self, x: Tensor) -> Tensor:
        qmin, qmax = quantization.code_range(self.bits)
        scale, zero_point = quantization.affine_qparams(self.low, self.high, qmin, qmax)
        return quantization.fake_quantize(x, scale, int(zero_point), qmin, qmax)

    def _weight_codes(self) -> quantization.CodeRange:
        return quantization.code_range(self.bits, narrow=True)

    def _weight_scale(self) -> Tensor:
        return quantization.channel_qparams(self.weight, *self._weight_codes(), symmetric=True).scale

    def _rounded_weight(self) -> Tensor:
        return quantization.fake_quantize(self.weight, self._weight_scale(), 0, *self._weight_codes(), axis=0)

    def _used_bias(self) -> Tensor:
        return self.bias


_NEW: list[Any] = ["new", {"weight": "$weight", "bias": "$bias", "bits": "$bits"}]


def _layer(bits: int, shape: tuple[int, int], steps: list[list[Any]], name: str, **options: str) -> CaseSpec:
    outputs, inputs = shape

    def make(rng: Generator) -> dict[str, Any]:
        sizes = rng.uniform(0.5, 3, size=(outputs, 1))
        first = rng.normal(size=(4, inputs))
        return {
            "script": [_NEW, *steps],
            "weight": sizes * rng.normal(size=shape),
            "bias": rng.normal(size=outputs),
            "bits": bits,
            "first": first,
            "second": 1.7 * first + rng.uniform(0.1, 0.3, size=first.shape),
            "third": 4 * np.abs(first) + 1,
            "positive": np.abs(first) + 1,
        }

    return case(name, make, **options)


def _forward(name: str) -> list[Any]:
    return ["call", "forward", {"x": f"${name}"}]


asked = Exercise(
    "quantization_aware.QuantLinear",
    title="A layer in training",
    minutes=20,
    skills=["quantization-aware training", "observers", "granularity"],
    reference=QuantLinear,
    observer=StateObserver(dtype="float64"),
    groups={"training": 2, "observing": 1, "codes": 1},
    cases=[
        _layer(
            3,
            (2, 3),
            [_forward("first"), ["backward", ["weight", "bias"]], ["get", "weight"]],
            "one forward and backward pass on 3 bits",
            group="training",
        ),
        _layer(
            4,
            (3, 3),
            [_forward("positive"), ["backward", ["weight", "bias"]], _forward("positive")],
            "4 bits, a square weight and positive inputs",
            group="training",
        ),
        _layer(
            4,
            (2, 4),
            [
                *[_forward("first"), _forward("second"), ["get", "low"], ["get", "high"]],
                *[_forward("first"), ["call", "stop_observing"], _forward("third"), ["get", "high"]],
            ],
            "two batches watched, then a wider one that is not",
            group="observing",
        ),
        _layer(
            4,
            (3, 4),
            [_forward("first"), ["call", "stop_observing"], ["call", "codes"]],
            "the integer weight at the end",
            group="codes",
        ),
    ],
    hints=[
        "Everything that you need is in course_lib.quantization; what you decide is what is rounded, on which grid, and "
        "when the grid of the inputs may move.",
        "Inputs: one affine grid over [low, high], which grow with every batch while observing. Weight: symmetric, a "
        "scale for each row, worked out anew from the floating-point weight each time. Bias: as it is.",
        "forward: update low and high if observing; quantization.affine_qparams(low, high, *code_range(bits)) and "
        "fake_quantize for x; channel_qparams(weight, *code_range(bits, narrow=True), symmetric=True).scale and "
        "fake_quantize(…, axis=0) for the weight; then linear(x, w, bias).",
    ],
    follow_up="Why may the bias stay in floating point here, although the device that runs the layer has integers only?",
)


@asked.misconception(
    "the bias is rounded like the weight",
    says="Your bias lies on a grid of a few codes. It is added once for each output, to sums of 32 bits: rounding it "
    "saves nothing and costs accuracy.",
    asks="How many bytes does the bias take, beside the weight?",
)
class BiasRounded(QuantLinear):
    def _used_bias(self) -> Tensor:
        qmin, qmax = self._weight_codes()
        scale = float(self.bias.detach().abs().max()) / qmax
        return quantization.fake_quantize(self.bias, scale, 0, qmin, qmax)


@asked.misconception(
    "the observer is never switched off",
    says="After stop_observing your range still grows: a result then depends on what was run before.",
    asks="What should one stray picture in use do to all later ones?",
)
class StillObserving(QuantLinear):
    def stop_observing(self) -> None:
        """Forgotten."""


@asked.misconception(
    "each batch has its own range",
    says="You forget what was seen before: the range is that of the last batch.",
    asks="What is the smallest value of two batches together?",
)
class LastBatch(QuantLinear):
    def _watch(self, x: Tensor) -> None:
        self.low = x.detach().min().clamp_max(0)
        self.high = x.detach().max().clamp_min(0)


@asked.misconception(
    "the range is a moving average",
    says="Your low and high approach what is seen, a tenth of the way with each batch. That is an observer of its own "
    "right; here the range is that of all inputs so far.",
    asks="Does your range hold the largest input that was ever watched?",
)
class Moving(QuantLinear):
    def _watch(self, x: Tensor) -> None:
        self.low = 0.9 * self.low + 0.1 * x.detach().min()
        self.high = 0.9 * self.high + 0.1 * x.detach().max()


@asked.misconception(
    "the range is worked out anew in every call",
    says="Your inputs are rounded on a grid over the batch itself, watched or not.",
    asks="Which numbers will the device know when a single picture comes in?",
)
class AlwaysOwnRange(QuantLinear):
    def _rounded_input(self, x: Tensor) -> Tensor:
        qmin, qmax = quantization.code_range(self.bits)
        scale, zero_point = quantization.affine_qparams(x.detach().min(), x.detach().max(), qmin, qmax)
        return quantization.fake_quantize(x, scale, int(zero_point), qmin, qmax)


@asked.misconception(
    "one scale for the whole weight",
    says="Your weight has one step for all outputs: quiet rows lose their codes to the loudest.",
    asks="How many scales can be put in after the integer sums?",
)
class PerTensor(QuantLinear):
    def _weight_scale(self) -> Tensor:
        return super()._weight_scale().amax().expand(len(self.weight))


@asked.misconception(
    "a scale for each input of the weight",
    says="Your steps belong to columns. They would stand inside the sum over the inputs.",
    asks="Which axis of the weight are the outputs?",
)
class PerInput(QuantLinear):
    def _rounded_weight(self) -> Tensor:
        codes = self._weight_codes()
        scale = quantization.channel_qparams(self.weight, *codes, axis=1, symmetric=True).scale
        return quantization.fake_quantize(self.weight, scale, 0, *codes, axis=1)

    def codes(self) -> Tensor:
        codes = self._weight_codes()
        scale = quantization.channel_qparams(self.weight, *codes, axis=1, symmetric=True).scale
        return quantization.quantize(self.weight.detach(), scale, 0, *codes, axis=1)


@asked.misconception(
    "no gradient reaches the weight",
    says="The result is right, and the weight gets no gradient: it is rounded with quantize and dequantize, or cut off.",
    asks="Which function rounds and lets a gradient through?",
)
class NoGradient(QuantLinear):
    def _rounded_weight(self) -> Tensor:
        return super()._rounded_weight().detach()


@asked.misconception(
    "the rounded weight overwrites the floating-point one",
    says="After a forward pass your weight lies on the grid. Steps of the optimizer smaller than half a step are then "
    "undone by the next rounding, for ever.",
    asks="Where do small gradients add up until they are worth a code?",
)
class Overwritten(QuantLinear):
    def _rounded_weight(self) -> Tensor:
        rounded = super()._rounded_weight()
        self.weight.data = rounded.detach().clone()
        return rounded


@asked.misconception(
    "the weight is not rounded",
    says="Only the inputs are rounded in your forward pass: the training never meets the error of the weights.",
    asks="Which two factors of the product will be integers?",
)
class WeightNotRounded(QuantLinear):
    def _rounded_weight(self) -> Tensor:
        return self.weight


@asked.misconception(
    "the inputs are not rounded",
    says="Only the weight is rounded in your forward pass.",
    asks="What does the device multiply the integer weight by?",
)
class InputNotRounded(QuantLinear):
    def _rounded_input(self, x: Tensor) -> Tensor:
        return x


@asked.misconception(
    "the inputs are rounded symmetrically",
    says="Your inputs' grid has z = 0. After a ReLU half of its codes would never be used.",
    asks="Which grid lies over [low, high] without wasting codes?",
)
class SymmetricInput(QuantLinear):
    def _rounded_input(self, x: Tensor) -> Tensor:
        qmin, qmax = quantization.code_range(self.bits, narrow=True)
        scale, _ = quantization.affine_qparams(self.low, self.high, qmin, qmax, symmetric=True)
        return quantization.fake_quantize(x, scale, 0, qmin, qmax)


class Module(torch.nn.Module):
    """As a Module, with buffers for the range."""

    low: Tensor
    high: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, bits: int) -> None:
        super().__init__()
        self.weight, self.bias = torch.nn.Parameter(weight.clone()), torch.nn.Parameter(bias.clone())
        self.bits, self.most = bits, 2 ** (bits - 1) - 1
        self.register_buffer("low", weight.new_zeros(()))
        self.register_buffer("high", weight.new_zeros(()))
        self.observer_on = True

    def scale(self) -> Tensor:
        return self.weight.detach().abs().amax(dim=1) / self.most

    def forward(self, x: Tensor) -> Tensor:
        if self.observer_on:
            self.low = torch.minimum(self.low, x.min()).detach()
            self.high = torch.maximum(self.high, x.max()).detach()
        ends = quantization.code_range(self.bits)
        grid = quantization.affine_qparams(self.low, self.high, *ends)
        coarse = quantization.fake_quantize(x, grid.scale, int(grid.zero_point), *ends)
        rows = quantization.fake_quantize(self.weight, self.scale(), 0, -self.most, self.most, axis=0)
        return coarse @ rows.T + self.bias

    def stop_observing(self) -> None:
        self.observer_on = False

    def codes(self) -> Tensor:
        return torch.round(self.weight / self.scale()[:, None]).to(torch.int8)


class WithObserver:
    """With the library's observer, and low and high read off it."""

    def __init__(self, weight: Tensor, bias: Tensor, bits: int) -> None:
        self.weight, self.bias = weight.clone().requires_grad_(), bias.clone().requires_grad_()
        self.observer, self.on = quantization.MinMax(*quantization.code_range(bits)), True
        self.observer.observe(torch.zeros(1, dtype=weight.dtype))
        self.narrow = quantization.code_range(bits, narrow=True)

    @property
    def low(self) -> Tensor:
        return self.observer.range()[0]

    @property
    def high(self) -> Tensor:
        return self.observer.range()[1]

    def forward(self, x: Tensor) -> Tensor:
        if self.on:
            self.observer.observe(x)
        scale, zero = self.observer.qparams()
        x = quantization.fake_quantize(x, scale, int(zero), self.observer.qmin, self.observer.qmax)
        scale = quantization.channel_qparams(self.weight, *self.narrow, symmetric=True).scale[:, None]
        steps = self.weight / scale
        return linear(x, scale * (steps + (steps.round() - steps).detach()), self.bias)

    def stop_observing(self) -> None:
        self.on = False

    def codes(self) -> Tensor:
        return quantization.quantize_per_channel(self.weight.detach(), *self.narrow, symmetric=True).codes


asked.also_correct("a Module with buffers")(Module)
asked.also_correct("with the library's observer, and the rounding by hand")(WithObserver)
