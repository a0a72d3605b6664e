"""After quantization-aware training: integer weights, folded batch normalisation, fixed ranges."""

from __future__ import annotations

import copy
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.quantization.affine import _quantize, spread
from course_lib.quantization.batch_norm import _fold_batch_norm
from course_lib.quantization.qat import qat_layers
from course_lib.quantization.qat_layer import QATLayer, geometry_of, multiply
from course_lib.validate import check_finite, check_floating, check_tensor

#: Sums of integers below it are exact in float32.
EXACT = 2**24


class IntegerLayer(nn.Module):
    """A convolution or linear layer that multiplies integer codes; made by `convert`.

    q_x = clip(round(x/s_x) + z, qmin, qmax),  y = s_x s_w[n] · Σ (q_x − z) q_w[n] + b_n

    Attributes
    ----------
    codes : Tensor, shape [outputs, ...], int8 or int16
    scale : Tensor, shape [outputs], float32
        The weight's step, with the factor of the folded batch normalisation in it.
    bias : Tensor, shape [outputs], float32, or None
        In floating point; on a device it is an int32 on the grid of s_x s_w, which is as good as exact.
    x_scale, x_zero_point : float, int

    Notes
    -----
    Codes are held in the smallest integer type, and multiplied as floating-point numbers that hold the
    integers exactly: what is rounded is what an integer unit would round. It shows what the numbers are, and
    is not fast; `W8A8Linear` calls a kernel. No gradient flows through the layer.
    """

    codes: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(self, layer: QATLayer) -> None:
        super().__init__()
        core, (qmin, qmax) = layer.core, layer.weight_codes
        step = layer.weight_step()
        codes = _quantize(core.weight.detach(), spread(step, core.weight, 0), 0, qmin, qmax)
        scale, bias = step.clone(), None if core.bias is None else core.bias.detach().clone()
        if layer.norm is not None:
            codes, scale, bias = _folded(codes, step, bias, layer.norm)
        self.register_buffer("codes", codes)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)
        x_scale, x_zero_point = layer.observer.qparams()
        self.x_scale, self.x_zero_point = float(x_scale), int(x_zero_point)
        self.x_codes = layer.observer.qmin, layer.observer.qmax
        self._geometry = geometry_of(core)
        largest = max(abs(code - self.x_zero_point) for code in self.x_codes)
        self._exact = codes[0].numel() * largest * qmax < EXACT

    @torch.no_grad()
    def forward(self, x: Float[Tensor, batch * inputs]) -> Float[Tensor, batch * outputs]:
        """Quantize the inputs, add up products of integers, and put scales and bias in.

        Raises
        ------
        TypeError, ValueError
            If ``x`` is no finite float tensor.
        """
        check_tensor("x", x)
        check_floating("x", x)
        check_finite("x", x)
        codes = (torch.round(x / self.x_scale) + self.x_zero_point).clamp(*self.x_codes)
        # Less z before the padding: what is padded stands for the value 0.
        integers = codes - self.x_zero_point
        dtype = torch.float32 if self._exact else torch.float64
        sums = multiply(integers.to(dtype), self.codes.to(dtype), None, self._geometry)
        y = sums.float() * _along_channels(self.x_scale * self.scale, sums)
        return y if self.bias is None else y + _along_channels(self.bias, y)

    def extra_repr(self) -> str:
        """Name codes and grids when the layer is printed."""
        most = int(self.codes.abs().max())
        return (
            f"codes={list(self.codes.shape)} from {-most} to {most}, x_scale={self.x_scale:.3g}, "
            f"x_zero_point={self.x_zero_point}, bias={self.bias is not None}"
        )


def convert(model: nn.Module) -> nn.Module:
    """Copy a prepared model with integer layers in the place of its `QATLayer`s.

    Parameters
    ----------
    model : nn.Module
        From `prepare_qat`, calibrated, its observers off. It is not changed.

    Returns
    -------
    nn.Module
        In evaluation mode; it gives what ``model.eval()`` gives, to rounding. (An activation that lies on the
        border of two codes to the last bit may fall either way.)

    Raises
    ------
    TypeError, ValueError
        If the model has no `QATLayer`.
    RuntimeError
        If an observer is still on, or has seen nothing.

    Notes
    -----
    Batch normalisations are folded with their *running* statistics. If those are stale, the model was bad in
    evaluation mode already.

    References
    ----------
    Jacob et al. 2017, arXiv:1712.05877, section 3.2.

    Examples
    --------
    >>> from course_lib.quantization import calibrate, prepare_qat
    >>> linear = torch.nn.Linear(2, 1, bias=False)
    >>> _ = linear.weight.data.copy_(torch.tensor([[0.7, -0.31]]))
    >>> prepared = prepare_qat(linear, weight_bits=4)
    >>> calibrate(prepared, [torch.tensor([[2.55, 0.0]])])
    >>> layer = convert(prepared)
    >>> layer.codes, layer(torch.tensor([[1.0, 2.0]]))
    (tensor([[ 7, -3]], dtype=torch.int8), tensor([[0.1000]]))
    """
    for layer in qat_layers(model):
        if layer.observing:
            raise RuntimeError(
                "an observer is still on, so ranges may still move: call set_observing(model, False) first."
            )
        if layer.observer.batches == 0:
            raise RuntimeError("a layer has seen no calibration data: call calibrate(model, batches) first.")
    copied = copy.deepcopy(model).eval()
    if isinstance(copied, QATLayer):
        return IntegerLayer(copied).eval()
    for parent in list(copied.modules()):
        for name, child in parent._modules.items():
            if isinstance(child, QATLayer):
                parent._modules[name] = IntegerLayer(child).eval()
    return copied


def _folded(codes: Tensor, step: Tensor, bias: Tensor | None, norm: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Fold into the steps: a negative factor turns the codes round, whose range is symmetric."""
    gamma, beta = norm.weight.detach(), norm.bias.detach()
    factors, bias = _fold_batch_norm(
        step[:, None], bias, gamma, beta, norm.running_mean, norm.running_var, norm.eps
    )
    signs = torch.where(gamma < 0, -1, 1).to(codes.dtype)
    return codes * spread(signs, codes, 0), factors[:, 0].abs(), bias


def _along_channels(values: Tensor, like: Tensor) -> Tensor:
    return values.reshape(1, -1, *[1] * (like.ndim - 2)) if like.ndim > 2 else values
