"""Keys and values in few bits: bytes, and what attention makes of the error, against the context's length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import quantization
from course_lib.data import load_activations, load_layer_weights, load_prose, smollm2_missing
from course_lib.experiments.post_training.whole_models import SIZES
from course_lib.experiments.threads import on_threads
from course_lib.language import load_smollm2, load_tokenizer, record_inputs, rotate

#: Of the recorded layer whose matrices ship with the course.
LAYER = 12
#: Tokens that look into the cache: the next ones after it.
QUERIES = 16
#: Bits, and which numbers share a scale.
WAYS = ((8, "token"), (8, "head"), (4, "token"), (4, "head"), (4, "channel"))


class CacheError(NamedTuple):
    """Relative error of attention's output, by format, against the tokens in the cache.

    Attributes
    ----------
    source : str
        Where queries, keys and values come from.
    context : tuple of int
    formats : tuple of str
    error : tuple of tuples of float
        By format, then by context.
    keys_only, values_only : tuple of float
        At the longest context: only one of the two quantized.
    kilobytes : tuple of float
        Of this layer's cache at the longest context, scales included; the last one is float32.
    """

    source: str
    context: tuple[int, ...]
    formats: tuple[str, ...]
    error: tuple[tuple[float, ...], ...]
    keys_only: tuple[float, ...]
    values_only: tuple[float, ...]
    kilobytes: tuple[float, ...]

    @property
    def longest(self) -> tuple[float, ...]:
        """The errors at the longest context, by format."""
        return tuple(row[-1] for row in self.error)


@on_threads(1)
def cache_error(context: Sequence[int] = (16, 32, 48, 64, 80, 96, 112)) -> CacheError:
    """Quantize the cache of a real layer: recorded inputs, through the model's own matrices.

    The recorded sequences are laid end to end, 128 positions; queries are those of the 16 after the cache.
    """
    x = torch.from_numpy(load_activations().inputs(LAYER, "qkv")).double().flatten(0, 1)
    weights = load_layer_weights()
    queries, keys, values = (
        _heads(x @ torch.from_numpy(weights[LAYER, f"{name}_proj"].copy()).double().T) for name in "qkv"
    )
    return _errors("recorded inputs of layer 12", queries, keys, values, context)


@on_threads(1)
def long_cache_error(
    context: Sequence[int] = (16, 32, 64, 128, 256, 512), layer: int = LAYER
) -> CacheError | None:
    """The same on some hundred tokens that SmolLM2 read in one go; None if the model is not here."""
    if smollm2_missing() is not None:
        return None
    model, length = load_smollm2(), max(context) + QUERIES
    tokens = load_tokenizer().encode(load_prose()[: 8 * length])[:length]
    x = record_inputs(model, tokens[None], [layer])[layer, "qkv"][0]
    attention = model.get_submodule(f"layers.{layer}.attention")
    with torch.no_grad():
        queries, keys, values = (_heads(getattr(attention, f"{name}_proj")(x).double()) for name in "qkv")
    return _errors("SmolLM2 on Northanger Abbey", queries, keys, values, context)


def _errors(source: str, queries: Tensor, keys: Tensor, values: Tensor, context: Sequence[int]) -> CacheError:
    positions = torch.arange(queries.shape[2])
    queries, keys = (rotate(part, positions, SIZES.rope_base) for part in (queries, keys))
    shared = queries.shape[1] // keys.shape[1]

    def error(bits: int, per: str, length: int, which: str = "both") -> float:
        exact = [part[:, :, :length] for part in (keys, values)]
        # Values have no loud channels: per channel is for keys.
        ways = (per, "token" if per == "channel" else per)
        hat = [
            quantization.dequantize_kv(*quantization.quantize_kv(part, bits, way))
            for part, way in zip(exact, ways, strict=True)
        ]
        if which != "both":
            kept = int(which == "keys")
            hat[kept] = exact[kept]
        every = [part.repeat_interleave(shared, dim=1) for part in (*exact, *hat)]
        asked = queries[:, :, length : length + QUERIES]  # of the next tokens
        return float(quantization.attention_error(asked, *every))

    longest = max(context)
    numbers = 2 * keys.shape[1] * longest
    scales = {
        "token": numbers,
        "head": 2 * keys.shape[1],
        "channel": numbers // 2 + keys.shape[1] * keys.shape[3],
    }
    sizes = [(numbers * keys.shape[3] * bits / 8 + 3 * scales[per]) / 1e3 for bits, per in WAYS]
    return CacheError(
        source,
        tuple(context),
        tuple(f"int{bits}, a scale for each {per}" for bits, per in WAYS),
        tuple(tuple(error(bits, per, length) for length in context) for bits, per in WAYS),
        tuple(error(bits, per, longest, "keys") for bits, per in WAYS),
        tuple(error(bits, per, longest, "values") for bits, per in WAYS),
        (*sizes, numbers * keys.shape[3] * 4 / 1e3),
    )


def _heads(x: Tensor) -> Tensor:
    return x.unflatten(-1, (-1, SIZES.head_dim)).transpose(0, 1)[None]
