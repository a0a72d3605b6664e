"""Keys and values of past tokens in few bits: what they cost, and what attention makes of the error."""

import math

from jaxtyping import Float, Int
from torch import Tensor

from course_lib.quantization.affine import _dequantize, _quantize
from course_lib.quantization.checks import check_bits, check_codes, check_step, check_zero_point
from course_lib.quantization.granularity import Quantized
from course_lib.quantization.qparams import affine_qparams, code_range
from course_lib.validate import check_array, check_int, check_same_kind, check_same_shape

AXES = ("batch", "heads", "tokens", "dim")

#: Which axes a scale is shared over.
SHARED = {"token": (3,), "head": (2, 3), "channel": (2,)}


def quantize_kv(
    states: Float[Tensor, "batch heads tokens dim"], bits: int, per: str = "token", symmetric: bool = False
) -> Quantized:
    """Quantize keys or values, each head over ranges of its own.

    Parameters
    ----------
    states : Tensor, shape [batch, heads, tokens, dim], float32 or float64
        Keys or values; with grouped queries the heads are those of keys and values, not of queries.
    bits : int from 2 to 16
        8 and 4 are usual.
    per : "token", "head" or "channel", default "token"
        "token": a scale for each token of each head, known as soon as the token is, so that nothing is ever
        quantized again. "head": one for all tokens of a head. "channel": one for each of a head's ``dim``
        channels over all tokens: keys have loud channels, values have none, says KIVI.
    symmetric : bool, default False
        As for `affine_qparams`.

    Returns
    -------
    Quantized
        ``codes``, signed, of the shape of ``states``; ``scale`` and ``zero_point`` with 1 for each axis that
        shares them: [batch, heads, tokens, 1], [batch, heads, 1, 1] or [batch, heads, 1, dim]. Read them with
        `dequantize_kv`.

    Raises
    ------
    TypeError, ValueError
        If ``states`` is no finite tensor of four axes, or ``bits`` or ``per`` do not fit.

    References
    ----------
    Liu et al. 2024, arXiv:2402.02750 (KIVI): keys per channel, values per token.

    Examples
    --------
    >>> import torch
    >>> states = torch.tensor([[[[0.6, -1.0], [70.0, 20.0]]]])
    >>> quantize_kv(states, 4, symmetric=True).codes.tolist()
    [[[[4, -7], [7, 2]]]]
    >>> quantize_kv(states, 4, per="head", symmetric=True).codes.tolist()
    [[[[0, 0], [7, 2]]]]
    """
    check_array("states", states, AXES)
    check_bits("bits", bits)
    if per not in SHARED:
        raise ValueError(f"per must be one of {', '.join(SHARED)}, got {per!r}.")
    return _quantize_kv(states.detach(), bits, per, symmetric)


def dequantize_kv(
    codes: Int[Tensor, "batch heads tokens dim"],
    scale: Float[Tensor, "batch heads #tokens #dim"],
    zero_point: Int[Tensor, "batch heads #tokens #dim"],
) -> Float[Tensor, "batch heads tokens dim"]:
    """Give the keys or values that codes stand for.

    x̃ = s (q − z)

    Parameters
    ----------
    codes, scale, zero_point : Tensor
        From `quantize_kv`.

    Returns
    -------
    Tensor, shape of ``codes``, dtype of ``scale``

    Raises
    ------
    TypeError, ValueError
        If ``codes`` are no integers, a scale is not positive, or shapes do not fit.

    Examples
    --------
    >>> import torch
    >>> states = torch.tensor([[[[0.6, -1.0], [70.0, 20.0]]]])
    >>> dequantize_kv(*quantize_kv(states, 4, symmetric=True))
    tensor([[[[ 0.5714, -1.0000],
              [70.0000, 20.0000]]]])
    """
    check_codes("codes", codes)
    check_array("scale", scale, AXES)
    check_step("scale", scale)
    check_zero_point("zero_point", zero_point, scale)
    fits = [got in (1, wanted) for got, wanted in zip(scale.shape, codes.shape, strict=False)]
    if codes.ndim != len(AXES) or not all(fits) or scale.shape[:2] != codes.shape[:2]:
        raise ValueError(
            "scale must have the batch and heads of codes, and its tokens and dim or 1, "
            f"for codes of shape {list(codes.shape)}, got {list(scale.shape)}."
        )
    return _dequantize(codes, scale, zero_point)


def attention_error(
    queries: Float[Tensor, "batch heads queries dim"],
    keys: Float[Tensor, "batch heads tokens dim"],
    values: Float[Tensor, "batch heads tokens dim"],
    keys_hat: Float[Tensor, "batch heads tokens dim"],
    values_hat: Float[Tensor, "batch heads tokens dim"],
) -> Float[Tensor, ""]:
    """Relative error of attention's output that comes from quantized keys and values.

    O = softmax(Q Kᵀ / √dim) V;  ‖O − Õ‖ / ‖O‖, over all heads and queries

    Parameters
    ----------
    queries : Tensor, shape [batch, heads, queries, dim], float32 or float64
        Every query sees every token: those that are generated after the cache was filled.
    keys, values, keys_hat, values_hat : Tensor, shape [batch, heads, tokens, dim]
        As they were, and after quantization.

    Returns
    -------
    Tensor, 0-d
        0.01 is an error of a hundredth of the output's size.

    Raises
    ------
    TypeError, ValueError
        If shapes or dtypes do not fit, values are not finite, or the exact output is 0.

    Notes
    -----
    An error in values is averaged by the attention weights, one in keys goes through the exponential: pass
    the exact tensor for one of the two to see the other alone.

    Examples
    --------
    >>> import torch
    >>> draw = torch.Generator().manual_seed(0)
    >>> q, k, v = (torch.randn(1, 2, 16, 8, generator=draw) for _ in range(3))
    >>> eight, four = (dequantize_kv(*quantize_kv(k, bits)) for bits in (8, 4))
    >>> bool(attention_error(q, k, v, eight, v) < 0.01 < attention_error(q, k, v, four, v))
    True
    """
    check_array("queries", queries, ("batch", "heads", "queries", "dim"))
    for name, tensor in (
        ("keys", keys),
        ("values", values),
        ("keys_hat", keys_hat),
        ("values_hat", values_hat),
    ):
        check_array(name, tensor, AXES)
        check_same_kind(name, tensor, "queries", queries)
        check_same_shape(name, tensor, "keys", keys)
    if (*queries.shape[:2], queries.shape[3]) != (*keys.shape[:2], keys.shape[3]):
        raise ValueError(
            f"queries must have the batch, heads and dim of keys, of shape {list(keys.shape)}, "
            f"got {list(queries.shape)}."
        )
    exact, found = _attend(queries, keys, values), _attend(queries, keys_hat, values_hat)
    if not bool(exact.any()):
        raise ValueError("values must not give an output of all zeros: there is nothing to compare with.")
    return (found - exact).norm() / exact.norm()


def kv_bytes_per_token(
    layers: int, heads: int, dim: int, bits: int, scale_bits: int = 16, zero_point_bits: int = 0
) -> float:
    """Bytes that the cache holds for each token of the context.

    2 · layers · heads · (dim · bits + scale_bits + zero_point_bits) / 8;  2 for keys and values

    Parameters
    ----------
    layers, heads, dim : int
        Of the model; heads of keys and values, dim of one head.
    bits : int from 2 to 32
        Of a code; 16 or 32 for a cache that is not quantized, with ``scale_bits=0``.
    scale_bits, zero_point_bits : int
        Kept for each token of each head, for keys and for values.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If a number is no integer or out of range.

    Examples
    --------
    >>> kv_bytes_per_token(30, 3, 64, 16, scale_bits=0), kv_bytes_per_token(30, 3, 64, 4)
    (23040.0, 6120.0)
    """
    for name, value in (("layers", layers), ("heads", heads), ("dim", dim)):
        check_int(name, value, low=1)
    check_int("bits", bits, low=2, high=32)
    check_int("scale_bits", scale_bits, low=0)
    check_int("zero_point_bits", zero_point_bits, low=0)
    return 2 * layers * heads * (dim * bits + scale_bits + zero_point_bits) / 8


def _quantize_kv(states: Tensor, bits: int, per: str, symmetric: bool) -> Quantized:
    low, high = states.amin(dim=SHARED[per], keepdim=True), states.amax(dim=SHARED[per], keepdim=True)
    codes = code_range(bits)
    scale, zero_point = affine_qparams(low, high, *codes, symmetric)
    return Quantized(_quantize(states, scale, zero_point, *codes), scale, zero_point)


def _attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    logits = queries @ keys.transpose(2, 3) / math.sqrt(queries.shape[3])
    return logits.softmax(dim=3) @ values
