"""A linear layer in int8: weights and activations, multiplied by the processor's integer units."""

import math
from typing import Any, Self

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.quantization import kernels
from course_lib.quantization.checks import check_step
from course_lib.quantization.frozen import FrozenLinear, check_linear, frozen_copy
from course_lib.quantization.granularity import quantize_per_channel
from course_lib.quantization.qparams import SMALLEST_SCALE
from course_lib.validate import check_finite


class W8A8Linear(FrozenLinear):
    """A linear layer with int8 weights and int8 activations; make one with `from_linear`.

    q_x = clip(round(x / s_x), −127, 127), Y_mn = s_x s_w[n] Σ_k q_x[m, k] q_w[n, k] + b_n

    Attributes
    ----------
    codes : Tensor, shape [out_features, in_features], int8
    scale : Tensor, shape [out_features], float32
        One for each output channel.
    bias : Tensor, shape [out_features], float32, or None
    x_scale : Tensor, 0-d, float32, or None
        The activations' scale; None if each token gets its own, max|x| / 127.
    kernel : str
        "fbgemm", torch's int8 kernel; or "float", where that is absent or not exact (processors without
        VNNI): the same integers, multiplied as float32 numbers in slices whose sums are exact. That is
        slower than the float32 layer.

    Notes
    -----
    The sums are the exact integers, with either kernel. What is rounded, in float32: each sum, its product
    with both scales, and its sum with the bias. No gradient flows through the layer.

    References
    ----------
    Jacob et al. 2017, arXiv:1712.05877; Yao et al. 2022 (ZeroQuant), arXiv:2206.01861: a scale
    for each token.

    Examples
    --------
    >>> import torch
    >>> linear = torch.nn.Linear(3, 2, bias=False)
    >>> _ = linear.weight.data.copy_(torch.tensor([[1.27, 0.0, -0.5], [0.0, -2.54, 0.1]]))
    >>> layer = W8A8Linear.from_linear(linear)
    >>> layer.codes
    tensor([[ 127,    0,  -50],
            [   0, -127,    5]], dtype=torch.int8)
    >>> layer(torch.tensor([[1.0, 2.0, 0.0]]))
    tensor([[ 1.2800, -5.0800]])
    """

    x_scale: Tensor | None

    def __init__(self, codes: Tensor, scale: Tensor, bias: Tensor | None, x_scale: Tensor | None) -> None:
        super().__init__(codes.shape[1], codes.shape[0])
        self.register_buffer("codes", codes)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)
        self.register_buffer("x_scale", x_scale)

    @classmethod
    def from_linear(cls, linear: torch.nn.Linear, x_scale: float | Float[Tensor, ""] | None = None) -> Self:
        """Quantize the weight of a linear layer.

        Parameters
        ----------
        linear : torch.nn.Linear
            Of float32 numbers; it is not changed, and later changes to it do not reach the new layer.
        x_scale : float or 0-d Tensor > 0, optional
            A scale for all activations, found by calibration. Default: each token gets its own.

        Returns
        -------
        W8A8Linear

        Raises
        ------
        TypeError, ValueError
            If ``linear`` is none, holds other than finite float32 numbers, or ``x_scale`` is not
            positive.
        """
        check_linear(linear)
        if x_scale is not None:
            check_step("x_scale", x_scale)
            if isinstance(x_scale, Tensor) and x_scale.ndim:
                raise ValueError(f"x_scale must be one number, got shape {list(x_scale.shape)}.")
            x_scale = torch.as_tensor(x_scale, dtype=torch.float32).detach().clone().to(linear.weight.device)
        quantized = quantize_per_channel(linear.weight.detach(), -127, 127, symmetric=True)
        return cls(quantized.codes, quantized.scale, frozen_copy(linear.bias), x_scale)

    def _choose(self) -> str:
        fits = self.codes.device.type == "cpu" and self.in_features <= kernels.WIDEST
        return "fbgemm" if fits and kernels.w8a8_works() else "float"

    def _pack(self, kernel: str) -> Any:
        if kernel != "fbgemm":
            return None
        if self.x_scale is None:  # the tokens' scales come after the sums, and the bias after them
            return kernels.pack_w8a8(self.codes, self.scale, None)
        return kernels.pack_w8a8(self.codes, self.scale.double() * self.x_scale, self.bias)

    def forward(self, x: Float[Tensor, "*batch in_features"]) -> Float[Tensor, "*batch out_features"]:
        """Quantize activations, multiply, and put the scales and the bias in.

        Raises
        ------
        TypeError, ValueError
            If ``x`` is not float32, not finite, empty, or of another width.
        """
        rows = self._rows(x)
        scale = self._scale_of(rows)
        # In place after the division: for one token, passes over the activations are what can be saved.
        codes = (rows / scale).round_()
        if self.x_scale is not None:
            codes.clamp_(-127, 127)  # a token's own scale leaves nothing outside
        kernel, packed = self._ready()
        if kernel == "fbgemm":
            y = kernels.w8a8_product(codes, packed)
        else:
            y = kernels.exact_sums(codes.to(torch.int8), self.codes).float() * self.scale
        if kernel != "fbgemm" or self.x_scale is None:
            if self.bias is None:
                y.mul_(scale)
            elif isinstance(scale, float):
                torch.add(self.bias, y, alpha=scale, out=y)
            else:
                torch.addcmul(self.bias, y, scale, out=y)
        return y if x.ndim == 2 else y.reshape(*x.shape[:-1], self.out_features)

    def _scale_of(self, rows: Tensor) -> float | Tensor:
        """Give the one scale of all rows, or of a single row, as a number, otherwise one for each row."""
        if self.x_scale is not None:
            check_finite("x", rows)
            return self.x_scale.item()
        if len(rows) == 1:
            most = rows.abs().max().item()  # NaN and infinities survive it
            if not math.isfinite(most):
                check_finite("x", rows)
            return max(most / 127, SMALLEST_SCALE)
        # Two passes, each far faster than aminmax or the norm.
        largest = rows.abs().amax(dim=1, keepdim=True)
        if not math.isfinite(largest.sum().item()):
            check_finite("x", rows)
        return largest.div_(127).clamp_min_(SMALLEST_SCALE)

    def extra_repr(self) -> str:
        """Name shapes, the activations' scale and the kernel."""
        activations = "per token" if self.x_scale is None else f"{self.x_scale.item():g}"
        return f"{super().extra_repr()}, x_scale={activations}"
