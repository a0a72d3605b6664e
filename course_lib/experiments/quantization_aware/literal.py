"""The straight-through estimator as the card prints it, taken at its word."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from course_lib import quantization


def literal_fake_quantize(
    x: Tensor, scale: float | Tensor, zero_point: int, qmin: int, qmax: int, axis: int | None = None
) -> Tensor:
    """Fake quantization with ∂L/∂X = ∂L/∂X_int, which is s ∂L/∂X̃: no mask, and s times too small."""
    values = quantization.fake_quantize(x.detach(), scale, zero_point, qmin, qmax, axis)
    if isinstance(scale, Tensor) and scale.ndim:
        scale = scale.reshape(-1, *[1] * (x.ndim - 1))
    return values + scale * (x - x.detach())


class LiteralLayer(quantization.QATLayer):
    """A layer of quantization-aware training whose weights and inputs have the printed gradient."""

    def quantized_weight(self) -> Tensor:
        """Give the weight on its grid, with the printed gradient."""
        return literal_fake_quantize(self.core.weight, self.weight_step(), 0, *self.weight_codes, axis=0)

    def quantized_input(self, x: Tensor) -> Tensor:
        """Give the inputs on their grid, with the printed gradient."""
        if self.observing:
            self.observer.observe(x)
        scale, zero_point = self.observer.qparams()
        return literal_fake_quantize(x, scale, int(zero_point), self.observer.qmin, self.observer.qmax)


def literally(model: nn.Module) -> nn.Module:
    """Copy a prepared and calibrated model, with the printed gradient in every layer."""
    copied = copy.deepcopy(model)
    for name, layer in copied.named_children():
        if isinstance(layer, quantization.QATLayer):
            bits = (layer.weight_codes.qmax + 1).bit_length()
            other = LiteralLayer(layer.core, layer.norm, bits, bits, "minmax")
            other.observer = layer.observer
            setattr(copied, name, other)
    return copied


def layer_gradients(model: nn.Module) -> list[float]:
    """The norm of the gradient of each layer's weight, from the input to the output."""
    return [
        float(torch.linalg.vector_norm(layer.core.weight.grad))
        for layer in model.modules()
        if isinstance(layer, quantization.QATLayer)
    ]
