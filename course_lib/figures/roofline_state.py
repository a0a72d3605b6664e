"""A machine, a model and a batch that decodes: how long reading and multiplying take."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from course_lib import quantization
from course_lib.validate import check_int, check_positive

#: Neighbours that share a scale of 16 bits, for weights of 8 or 4 bits.
GROUP = 32


class ModelSize(NamedTuple):
    """What decoding depends on: weights that a token passes through, and the shape of attention."""

    parameters: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int


MODELS = {
    "SmolLM2-135M": ModelSize(134_515_008, 30, 9, 3, 64),
    "Llama 2 7B": ModelSize(6_607_077_376, 32, 32, 32, 128),
    "Llama 3 8B": ModelSize(7_504_658_432, 32, 32, 8, 128),
}


@dataclass(frozen=True)
class RooflineState:
    """Everything that the figure of a roofline depends on.

    Parameters
    ----------
    bandwidth : float > 0
        Bytes a second.
    rate : float > 0
        Operations a second, of the arithmetic in use.
    model : str
        One of `MODELS`.
    bits, cache_bits : int
        Of a weight, and of a number in the cache: 32, 16, 8 or 4.
    batch, context : int
        Sequences decoded together, and the tokens that each of them has behind it.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range, or there is no such model.
    """

    bandwidth: float
    rate: float
    model: str = "SmolLM2-135M"
    bits: int = 16
    cache_bits: int = 16
    batch: int = 1
    context: int = 0

    def __post_init__(self) -> None:
        check_positive("bandwidth", self.bandwidth)
        check_positive("rate", self.rate)
        if self.model not in MODELS:
            raise ValueError(f"model must be one of {', '.join(MODELS)}, got {self.model!r}.")
        check_int("bits", self.bits, low=2, high=32)
        check_int("cache_bits", self.cache_bits, low=2, high=32)
        check_int("batch", self.batch, low=1)
        check_int("context", self.context, low=0)

    @property
    def size(self) -> ModelSize:
        """The model's sizes."""
        return MODELS[self.model]

    @cached_property
    def weight_bytes(self) -> float:
        """Bytes of all weights with their scales, read once a step."""
        return quantization.bytes_per_token(
            self.size.parameters, self.bits, GROUP if self.bits < 16 else None
        )

    @cached_property
    def cache_bytes(self) -> float:
        """Bytes of all caches, read once a step."""
        size, scale_bits = self.size, 16 if self.cache_bits < 16 else 0
        each = quantization.kv_bytes_per_token(
            size.layers, size.kv_heads, size.head_dim, self.cache_bits, scale_bits, scale_bits // 2
        )
        return self.batch * self.context * each

    @cached_property
    def operations(self) -> float:
        """Operations for one token: two for each weight, and four for each number that a query meets."""
        size = self.size
        return 2 * size.parameters + 4 * size.layers * size.heads * size.head_dim * self.context

    @property
    def intensity(self) -> float:
        """Operations for each byte."""
        return self.batch * self.operations / (self.weight_bytes + self.cache_bytes)

    @property
    def ridge(self) -> float:
        """The intensity at which both roofs meet."""
        return self.rate / self.bandwidth

    @property
    def seconds(self) -> tuple[float, float, float]:
        """For one step of the batch: reading weights, reading caches, arithmetic."""
        return (
            self.weight_bytes / self.bandwidth,
            self.cache_bytes / self.bandwidth,
            self.batch * self.operations / self.rate,
        )

    @property
    def tokens_per_second(self) -> float:
        """At most, for all sequences together."""
        read = (self.weight_bytes + self.cache_bytes) / self.batch
        return quantization.roofline_tokens_per_second(self.bandwidth, read, self.rate, self.operations)

    @property
    def memory_bound(self) -> bool:
        """Whether reading takes longer than multiplying."""
        return self.intensity < self.ridge
