"""torch's integer kernels for the processor: which of them work here, and what stands in for them.

They belong to no public interface of torch and differ between its versions and between processors. So each is
tried on a small product before it is used: one that is absent, refuses or errs is not used.
"""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

#: Codes −127 … 127 are shifted by this to the unsigned ones that the int8 kernel multiplies.
SHIFT = 128

#: Sums of so many products of 8-bit codes are less than 2²⁴, and exact in float32 in whatever order.
EXACT_IN_FLOAT32 = 1024

#: The widest product whose int32 accumulator cannot overflow, with unsigned activations of up to 255.
WIDEST = (2**31 - 1) // (255 * 127)

#: Groups that the int4 kernel knows.
INT4_GROUPS = (32, 64, 128, 256)


def pack_w8a8(w_codes: Tensor, scale: Tensor, bias: Tensor | None) -> Any:
    """Lay int8 weights, [outputs, dim], with their scales and a bias out as `w8a8_product` wants them."""
    zeros = torch.zeros(len(w_codes), dtype=torch.int64)
    with warnings.catch_warnings():
        # torch announces that it will drop tensors of this kind; `w8a8_works` notices when it has.
        warnings.simplefilter("ignore")
        weight = torch._make_per_channel_quantized_tensor(w_codes, scale.double(), zeros, 0)
    return torch.ops.quantized.linear_prepack(weight, bias)


def w8a8_product(x_codes: Tensor, packed: Any) -> Tensor:
    """Sums over dim of x_codes · w_codes, in int32, times their scales, plus the bias, in float32.

    The codes of the activations, −127 … 127, are float32 numbers: FBGEMM casts them itself while it packs
    them, faster than a pass of our own would. It multiplies unsigned ones, shifted by 128.
    """
    product = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
    return product.default(x_codes, 1.0, SHIFT, packed)


def exact_sums(x_codes: Tensor, w_codes: Tensor) -> Tensor:
    """Sums over dim of x_codes · w_codes, both of −128 … 127, as int64: exactly, by float32 products."""
    total = torch.zeros(len(x_codes), len(w_codes), dtype=torch.int64, device=x_codes.device)
    slices = (codes.split(EXACT_IN_FLOAT32, dim=1) for codes in (x_codes, w_codes))
    for x, w in zip(*slices, strict=True):
        total += (x.float() @ w.float().T).to(torch.int64)
    return total


def pack_int4(codes: Tensor) -> Tensor:
    """Lay codes of −8 … 7, [outputs, dim], out as `int4_product` wants them; its 8 is our 0."""
    return torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes.to(torch.int32) + 8, 1)


def int4_product(x: Tensor, packed: Tensor, scale: Tensor, group_size: int) -> Tensor:
    """Multiply bfloat16 x by int4 weights; ``scale`` is that of `int4_scales`."""
    return torch.ops.aten._weight_int4pack_mm_for_cpu(x, packed, group_size, scale)


def int4_scales(scale: Tensor) -> Tensor:
    """Lay bfloat16 scales, [outputs, groups], out for `int4_product`: groups first, an offset of 0 beside."""
    return torch.stack((scale.T, torch.zeros_like(scale.T)), dim=-1).contiguous()


def int8_product(x: Tensor, codes: Tensor, scale: Tensor) -> Tensor:
    """Multiply bfloat16 x by int8 weights with a bfloat16 scale for each output."""
    return torch.ops.aten._weight_int8pack_mm(x, codes, scale)


def int4_fits(outputs: int, dim: int, group_size: int) -> bool:
    """Whether the int4 kernel takes this shape: it refuses others."""
    return outputs % 16 == 0 and dim % 32 == 0 and group_size in INT4_GROUPS


def int8_fits(dim: int, group_size: int) -> bool:
    """Whether the int8 kernel takes this shape.

    Of other widths than multiples of 16 it reads beyond the end of a row: wrong sums, or a crash, unasked.
    """
    return dim % 16 == 0 and group_size == dim


@cache
def w8a8_works() -> bool:
    """Whether the int8 kernel is here, and exact.

    Processors without VNNI add pairs of products in 16 bits, which saturate: 2 · 255 · 127 > 32767.
    """
    x = torch.tensor([127.0, -127.0, 127.0, 1.0]).repeat_interleave(16).expand(3, 64).contiguous()
    w = torch.tensor([127, -127], dtype=torch.int8).repeat_interleave(16)[:, None].expand(32, 64).contiguous()
    wanted = exact_sums(x.to(torch.int8), w).float()
    ones = torch.ones(32, dtype=torch.float32)
    return _agrees(lambda: w8a8_product(x, pack_w8a8(w, ones, None)), wanted, 0.0)


@cache
def int4_works() -> bool:
    """Whether the int4 kernel is here, and right."""
    codes = (torch.arange(16 * 64).reshape(16, 64) * 7 % 15 - 7).to(torch.int8)
    x, scale = torch.ones(3, 64, dtype=torch.bfloat16), torch.ones(16, 2, dtype=torch.bfloat16)
    wanted = codes.float().sum(dim=1).expand(3, 16)
    return _agrees(lambda: int4_product(x, pack_int4(codes), int4_scales(scale), 32), wanted, 0.01)


@cache
def int8_works() -> bool:
    """Whether the int8 kernel for bfloat16 activations is here, and right."""
    codes = (torch.arange(16 * 64).reshape(16, 64) * 7 % 255 - 127).to(torch.int8)
    x, scale = torch.ones(3, 64, dtype=torch.bfloat16), torch.ones(16, dtype=torch.bfloat16)
    wanted = codes.float().sum(dim=1).expand(3, 16)
    return _agrees(lambda: int8_product(x, codes, scale), wanted, 0.01)


def _agrees(run: Callable[[], Tensor], wanted: Tensor, rtol: float) -> bool:
    try:
        got = run()
    except (AttributeError, RuntimeError):  # no such operator, or none for this processor
        return False
    return torch.allclose(got.float(), wanted, rtol=rtol, atol=rtol)
