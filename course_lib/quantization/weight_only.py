"""Linear layers with weights of 8 or 4 bits and activations in floating point."""

from typing import Any, Self

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.quantization import kernels
from course_lib.quantization.affine import _quantize, spread
from course_lib.quantization.checks import check_group_size
from course_lib.quantization.frozen import FrozenLinear, check_linear, frozen_copy
from course_lib.quantization.packing import _pack_int4, _unpack_int4
from course_lib.quantization.qparams import SMALLEST_SCALE, _symmetric_qparams, code_range
from course_lib.validate import check_finite


class WeightOnlyLinear(FrozenLinear):
    """A linear layer with weights of few bits, a scale for each group of them; make one with `from_linear`.

    w̃[n, k] = s[n, k // group_size] q[n, k], Y = X W̃ᵀ + b

    Attributes
    ----------
    codes : Tensor
        Of 8 bits: int8, shape [out_features, in_features]. Of 4: uint8, shape [out_features,
        ⌈in_features / 2⌉], two in a byte as in `pack_int4`.
    scale : Tensor, shape [out_features, in_features / group_size], bfloat16
    bias : Tensor, shape [out_features], float32, or None
    bits, group_size : int
    kernel : str
        "int8pack" or "int4pack", torch's kernels, which multiply in bfloat16; or "dequantize", for shapes and
        groups that they do not take: the weight is made float32 in every call, and multiplied then, which
        takes longer than the float32 layer.

    Notes
    -----
    A token that is generated alone has to read every weight once, and reading is what takes the time: fewer
    bytes, less time. With many tokens the arithmetic does, and these layers gain nothing.

    The scales are rounded to bfloat16 before the codes are chosen, so no weight is off by more than half a
    step. The packed kernels round ``x`` and the result to bfloat16, with a relative error of up to 2⁻⁸ each;
    the int4 kernel may round the weights s q as well. "dequantize" rounds like any float32 product. No
    gradient flows through the layer.

    References
    ----------
    Dettmers and Zettlemoyer 2022, arXiv:2212.09720: 4 bits with small groups; Frantar et al. 2022 (GPTQ),
    arXiv:2210.17323.

    Examples
    --------
    >>> import torch
    >>> linear = torch.nn.Linear(4, 1, bias=False)
    >>> _ = linear.weight.data.copy_(torch.tensor([[0.5, -3.5, 7.0, 14.0]]))
    >>> layer = WeightOnlyLinear.from_linear(linear, bits=4, group_size=2)
    >>> layer.dequantized_weight(), layer.weight_bytes()
    (tensor([[ 0.5000, -3.5000,  8.0000, 14.0000]]), 6)
    """

    dtypes = (torch.float32, torch.bfloat16)

    def __init__(
        self, codes: Tensor, scale: Tensor, bias: Tensor | None, in_features: int, bits: int
    ) -> None:
        super().__init__(in_features, codes.shape[0])
        self.bits, self.group_size = bits, in_features // scale.shape[1]
        self.register_buffer("codes", codes)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)

    @classmethod
    def from_linear(cls, linear: torch.nn.Linear, bits: int = 4, group_size: int | None = 32) -> Self:
        """Quantize the weight of a linear layer, symmetrically.

        Parameters
        ----------
        linear : torch.nn.Linear
            Of float32 numbers; it is not changed, and later changes to it do not reach the new layer.
        bits : 4 or 8, default 4
            Codes −7 … 7 or −127 … 127.
        group_size : int or None, default 32
            Neighbours in a row that share a scale; must divide ``in_features``. None: the whole row. torch's
            int8 kernel takes whole rows only, the int4 kernel groups of 32, 64, 128 and 256.

        Returns
        -------
        WeightOnlyLinear

        Raises
        ------
        TypeError, ValueError
            If ``linear`` is none or holds other than finite float32 numbers, ``bits`` is neither 4 nor 8, or
            ``group_size`` leaves a rest.
        """
        check_linear(linear)
        if isinstance(bits, bool) or not isinstance(bits, int) or bits not in (4, 8):
            raise ValueError(f"bits must be 4 or 8, got {bits!r}.")
        weight = linear.weight.detach()
        if group_size is None:
            group_size = linear.in_features
        check_group_size(group_size, linear.in_features)
        qmin, qmax = code_range(bits, narrow=True)
        groups = weight.unflatten(1, (-1, group_size))
        exact = _symmetric_qparams(groups.amin(dim=2), groups.amax(dim=2), qmax, SMALLEST_SCALE).scale
        scale = exact.to(torch.bfloat16)
        codes = _quantize(weight, spread(scale.float(), weight, None), 0, qmin, qmax)
        stored = _pack_int4(codes) if bits == 4 else codes
        return cls(stored, scale, frozen_copy(linear.bias), linear.in_features, bits)

    def _choose(self) -> str:
        if self.codes.device.type != "cpu":
            return "dequantize"
        if self.bits == 8:
            fits = kernels.int8_fits(self.in_features, self.group_size) and kernels.int8_works()
            return "int8pack" if fits else "dequantize"
        fits = kernels.int4_fits(self.out_features, self.in_features, self.group_size)
        return "int4pack" if fits and kernels.int4_works() else "dequantize"

    def dequantized_weight(self) -> Float[Tensor, "out_features in_features"]:
        """Give the weight that the codes stand for, in float32."""
        # Multiplied in place: with the scales spread out to the weight's shape it would take twice as long.
        groups = self._codes().unflatten(1, (-1, self.group_size)).float()
        return groups.mul_(self.scale.float()[..., None]).flatten(1)

    def forward(self, x: Float[Tensor, "*batch in_features"]) -> Float[Tensor, "*batch out_features"]:
        """Multiply; the result has the dtype of ``x``, float32 or bfloat16.

        Raises
        ------
        TypeError, ValueError
            If ``x`` is of another dtype, not finite, empty, or of another width.
        """
        rows = self._rows(x)
        check_finite("x", rows)
        y = self._product(rows).float()
        if self.bias is not None:
            y = y + self.bias
        return y.to(x.dtype).reshape(*x.shape[:-1], self.out_features)

    def _product(self, rows: Tensor) -> Tensor:
        kernel, packed = self._ready()
        if kernel == "dequantize":
            return rows.float() @ self.dequantized_weight().T
        rows = rows.to(torch.bfloat16).contiguous()
        if kernel == "int8pack":
            return kernels.int8_product(rows, self.codes, self.scale.flatten())
        weight, scales = packed
        return kernels.int4_product(rows, weight, scales, self.group_size)

    def _codes(self) -> Tensor:
        return self.codes if self.bits == 8 else _unpack_int4(self.codes, self.in_features)

    def _pack(self, kernel: str) -> Any:
        if kernel != "int4pack":
            return None
        return kernels.pack_int4(self._codes()), kernels.int4_scales(self.scale)

    def extra_repr(self) -> str:
        """Name shapes, bits, groups and the kernel."""
        return f"{super().extra_repr()}, bits={self.bits}, group_size={self.group_size}"
