"""Two 4-bit codes in a byte."""

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from course_lib.quantization.checks import check_codes
from course_lib.validate import check_int, check_tensor


def pack_int4(codes: Int[Tensor, "*rows dim"]) -> UInt8[Tensor, "*rows bytes"]:
    """Put neighbours along the last axis into one byte each.

    byte_j = (q_{2j} mod 16) + 16 (q_{2j+1} mod 16)

    Parameters
    ----------
    codes : integer Tensor, shape [..., dim]
        From −8 to 7.

    Returns
    -------
    Tensor, shape [..., ⌈dim / 2⌉], uint8
        The code with the even index in the low nibble, the one with the odd index in the high nibble, both in
        two's complement. After an odd number of codes the last high nibble is 0.

    Raises
    ------
    TypeError, ValueError
        If ``codes`` are no integers, have no axis, or lie outside −8 … 7.

    Notes
    -----
    Libraries differ in the order of the nibbles and in whether 8 is added first; files of packed weights say
    which, or cannot be read.

    Examples
    --------
    >>> import torch
    >>> pack_int4(torch.tensor([1, -1, 7]))  # 0xF1, 0x07
    tensor([241,   7], dtype=torch.uint8)
    """
    check_codes("codes", codes)
    if codes.ndim == 0:
        raise ValueError("codes must have at least one axis, got a single number.")
    low, high = int(codes.min()), int(codes.max())
    if low < -8 or high > 7:
        raise ValueError(f"codes must be from -8 to 7 to fit 4 bits, got values from {low} to {high}.")
    return _pack_int4(codes)


def unpack_int4(packed: UInt8[Tensor, "*rows bytes"], dim: int) -> Int[Tensor, "*rows dim"]:
    """Take the codes out of their bytes again: the inverse of `pack_int4`.

    Parameters
    ----------
    packed : Tensor, shape [..., ⌈dim / 2⌉], uint8
    dim : int
        How many codes a row has: a last byte may hold one or two.

    Returns
    -------
    Tensor, shape [..., dim], int8
        From −8 to 7.

    Raises
    ------
    TypeError, ValueError
        If ``packed`` is not uint8, or has not the bytes of ``dim`` codes.

    Examples
    --------
    >>> import torch
    >>> unpack_int4(torch.tensor([241, 7], dtype=torch.uint8), dim=3)
    tensor([ 1, -1,  7], dtype=torch.int8)
    """
    check_tensor("packed", packed)
    if packed.dtype != torch.uint8:
        raise TypeError(f"packed must be torch.uint8, got {packed.dtype}.")
    check_int("dim", dim, low=1)
    width = packed.shape[-1] if packed.ndim else 0
    if width != (dim + 1) // 2:
        raise ValueError(
            f"packed must hold {(dim + 1) // 2} bytes in a row for dim = {dim}, "
            f"got shape {list(packed.shape)}."
        )
    return _unpack_int4(packed, dim)


def _pack_int4(codes: Tensor) -> Tensor:
    nibbles = (codes & 15).to(torch.uint8)
    if nibbles.shape[-1] % 2:
        nibbles = torch.nn.functional.pad(nibbles, (0, 1))
    return nibbles[..., 0::2] | (nibbles[..., 1::2] << 4)


def _unpack_int4(packed: Tensor, dim: int) -> Tensor:
    signed = packed.view(torch.int8)  # whose shifts to the right carry the sign along
    return torch.stack(((signed << 4) >> 4, signed >> 4), dim=-1).flatten(-2)[..., :dim]
