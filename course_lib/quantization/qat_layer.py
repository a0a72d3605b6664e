"""One layer in quantization-aware training."""

from __future__ import annotations

from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor, nn

from course_lib.quantization.calibration import MovingAverage
from course_lib.quantization.granularity import channel_qparams
from course_lib.quantization.lsq import lsq_fake_quantize, lsq_initial_step
from course_lib.quantization.qparams import SMALLEST_SCALE, code_range
from course_lib.quantization.straight_through import fake_quantize

Steps = Literal["minmax", "learned"]
Core = nn.Linear | nn.Conv2d


class QATLayer(nn.Module):
    """A convolution or linear layer, and its batch normalisation, in training; made by `prepare_qat`.

    y = norm(layer(x̃, W̃)), x̃ on a grid of its own, W̃ with a step for each output channel; no bias is rounded

    Attributes
    ----------
    core : nn.Conv2d or nn.Linear
        Its weight stays in floating point, and is what the optimizer moves.
    norm : nn.BatchNorm1d, nn.BatchNorm2d or None
        As in the original: statistics of the batch in training mode, running ones in evaluation mode.
    step : nn.Parameter, shape [outputs], or None
        The learned steps; None where each step follows from the largest weight of its channel.
    observer : MovingAverage
        The range of the inputs. It watches only while ``observing`` is True.
    observing : bool
    """

    def __init__(
        self, core: Core, norm: nn.Module | None, weight_bits: int, activation_bits: int, steps: Steps
    ) -> None:
        super().__init__()
        self.core, self.norm = core, norm
        self.weight_codes = code_range(weight_bits, narrow=True)
        self.observer = MovingAverage(*code_range(activation_bits), averaging=0.1)
        self.observing = False
        self.step: nn.Parameter | None = None
        if steps == "learned":
            self.step = nn.Parameter(lsq_initial_step(core.weight, self.weight_codes.qmax, axis=0))

    def weight_step(self) -> Float[Tensor, " outputs"]:
        """Give the step of each output channel: the learned one, or max|w| / qmax."""
        if self.step is not None:
            return self.step.detach().clamp_min(SMALLEST_SCALE)
        return channel_qparams(self.core.weight, *self.weight_codes, symmetric=True).scale

    def quantized_weight(self) -> Float[Tensor, outputs * inputs]:
        """Give the weight as it is multiplied: on its grid, with a gradient."""
        weight = self.core.weight
        if self.step is None:
            return fake_quantize(weight, self.weight_step(), 0, *self.weight_codes, axis=0)
        return lsq_fake_quantize(weight, self.step.clamp_min(SMALLEST_SCALE), *self.weight_codes, axis=0)

    def quantized_input(self, x: Tensor) -> Tensor:
        """Give the inputs on their grid; watch them first, while that is switched on."""
        if self.observing:
            self.observer.observe(x)
        elif self.observer.batches == 0:
            raise RuntimeError("a layer has seen no calibration data: call calibrate(model, batches) first.")
        scale, zero_point = self.observer.qparams()
        return fake_quantize(x, scale, int(zero_point), self.observer.qmin, self.observer.qmax)

    def forward(self, x: Float[Tensor, batch * inputs]) -> Float[Tensor, batch * outputs]:
        """Apply the layer to rounded inputs with rounded weights, then the normalisation."""
        x, weight = self.quantized_input(x), self.quantized_weight()
        y = multiply(x, weight, self.core.bias, geometry_of(self.core))
        return y if self.norm is None else self.norm(y)


def geometry_of(core: Core) -> dict[str, Any] | None:
    """Stride and so on of a convolution, as arguments; None for a linear layer."""
    if isinstance(core, nn.Linear):
        return None
    return {name: getattr(core, name) for name in ("stride", "padding", "dilation", "groups")}


def multiply(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: dict[str, Any] | None) -> Tensor:
    """Apply a convolution or a linear layer, given by `geometry_of`, with any weight."""
    if geometry is None:
        return nn.functional.linear(x, weight, bias)
    return nn.functional.conv2d(x, weight, bias, **geometry)
