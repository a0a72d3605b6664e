"""A cache that really keeps keys and values in 8 or 4 bits, and grows token by token."""

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.quantization.affine import _dequantize
from course_lib.quantization.kv_cache import AXES, _quantize_kv
from course_lib.validate import check_array, check_int, check_same_kind, check_same_shape


class QuantizedKVCache:
    """Keys and values of the tokens so far, each token of each head with a scale of its own.

    Parameters
    ----------
    bits : 8 or 4, default 8
        With 4, two codes share a byte.
    symmetric : bool, default False
        As for `affine_qparams`.

    Raises
    ------
    TypeError, ValueError
        If ``bits`` is neither 8 nor 4.

    Notes
    -----
    A token is quantized once, when it comes, and independently of all others: however the tokens are cut into
    calls of `append`, the cache is the same. Scales stay in the dtype of the states; zero points, which lie
    among the codes, take a byte.

    Examples
    --------
    >>> cache = QuantizedKVCache(bits=4)
    >>> for token in range(3):
    ...     cache.append(torch.randn(1, 2, 1, 64), torch.randn(1, 2, 1, 64))
    >>> len(cache), cache.keys().shape
    (3, torch.Size([1, 2, 3, 64]))
    >>> cache.nbytes, 2 * cache.keys().nbytes  # against float32
    (444, 3072)
    """

    def __init__(self, bits: int = 8, symmetric: bool = False) -> None:
        check_int("bits", bits, low=4, high=8)
        if bits not in (4, 8):
            raise ValueError(f"bits must be 8 or 4, got {bits}: other codes do not fill bytes.")
        self.bits, self.symmetric = bits, symmetric
        self._keys: _Stored | None = None
        self._values: _Stored | None = None

    def append(
        self,
        keys: Float[Tensor, "batch heads tokens dim"],
        values: Float[Tensor, "batch heads tokens dim"],
    ) -> None:
        """Quantize the keys and values of new tokens, and keep them.

        Parameters
        ----------
        keys, values : Tensor, shape [batch, heads, tokens, dim], float32 or float64
            Of one or more new tokens; batch, heads and dim as before, and an even dim for 4 bits.

        Raises
        ------
        TypeError, ValueError
            If shapes or dtypes do not fit each other or what is kept already, or values are not finite.
        """
        check_array("keys", keys, AXES)
        check_array("values", values, AXES)
        check_same_kind("values", values, "keys", keys)
        check_same_shape("values", values, "keys", keys)
        if self.bits == 4 and keys.shape[3] % 2:
            raise ValueError(
                f"keys must have an even dim for 4 bits, two codes to a byte, got {keys.shape[3]}."
            )
        if self._keys is not None:
            check_same_kind("keys", keys, "the cache", self._keys.scale)
            kept = self._keys.shape
            if [*keys.shape[:2], keys.shape[3]] != [*kept[:2], kept[3]]:
                raise ValueError(
                    f"keys must have the batch, heads and dim of the cache, of shape {kept}, "
                    f"got {list(keys.shape)}."
                )
        self._keys, self._values = (
            _Stored.of(states.detach(), self.bits, self.symmetric, before)
            for states, before in ((keys, self._keys), (values, self._values))
        )

    def keys(self) -> Float[Tensor, "batch heads tokens dim"]:
        """Give the keys of all tokens so far, dequantized.

        Returns
        -------
        Tensor, shape [batch, heads, tokens, dim], dtype of what was appended

        Raises
        ------
        RuntimeError
            If nothing was appended.
        """
        return self._stored(self._keys).read()

    def values(self) -> Float[Tensor, "batch heads tokens dim"]:
        """Give the values of all tokens so far, dequantized.

        Returns
        -------
        Tensor, shape [batch, heads, tokens, dim], dtype of what was appended

        Raises
        ------
        RuntimeError
            If nothing was appended.
        """
        return self._stored(self._values).read()

    def __len__(self) -> int:
        return 0 if self._keys is None else self._keys.shape[2]

    @property
    def nbytes(self) -> int:
        """Bytes that are kept: codes, scales and zero points of keys and values."""
        return sum(part.nbytes for part in (self._keys, self._values) if part is not None)

    @staticmethod
    def _stored(part: "_Stored | None") -> "_Stored":
        if part is None:
            raise RuntimeError("QuantizedKVCache holds nothing yet: call append(keys, values) first.")
        return part


class _Stored:
    """Codes (packed if of 4 bits), scales and zero points of keys or of values."""

    def __init__(self, codes: Tensor, scale: Tensor, zero_point: Tensor, bits: int) -> None:
        self.codes, self.scale, self.zero_point, self.bits = codes, scale, zero_point, bits

    @classmethod
    def of(cls, states: Tensor, bits: int, symmetric: bool, before: "_Stored | None") -> "_Stored":
        codes, scale, zero_point = _quantize_kv(states, bits, "token", symmetric)
        parts = (_pack(codes) if bits == 4 else codes, scale, zero_point.to(torch.int8))
        if before is not None:
            kept = (before.codes, before.scale, before.zero_point)
            parts = tuple(torch.cat(pair, dim=2) for pair in zip(kept, parts, strict=True))  # type: ignore[assignment]
        return cls(*parts, bits)

    def read(self) -> Tensor:
        codes = _unpack(self.codes) if self.bits == 4 else self.codes
        return _dequantize(codes, self.scale, self.zero_point)

    @property
    def shape(self) -> list[int]:
        *others, width = self.codes.shape
        return [*others, width * 8 // self.bits]

    @property
    def nbytes(self) -> int:
        return self.codes.nbytes + self.scale.nbytes + self.zero_point.nbytes


def _pack(codes: Tensor) -> Tensor:
    """Two codes from −8 to 7 in a byte: the even places below, the odd ones above."""
    halves = (codes + 8).to(torch.uint8)
    return halves[..., 0::2] | (halves[..., 1::2] << 4)


def _unpack(packed: Tensor) -> Tensor:
    return torch.stack([packed & 15, packed >> 4], dim=-1).flatten(-2).to(torch.int8) - 8
