"""The KV cache: keys and values of the positions already seen, so that a new token costs one position."""

import torch
from jaxtyping import Float
from torch import Tensor


class KVCache:
    """Keys and values of every layer, growing along the axis of positions.

    Attributes
    ----------
    keys, values : dict of int to tensor, shape [batch, num_kv_heads, positions, head_dim]
        By layer. Keys are stored with their positions turned in (see `rotate`). A subclass that stores
        codes instead overrides ``extend``.

    Examples
    --------
    >>> cache = KVCache()
    >>> keys, values = cache.extend(0, torch.zeros(1, 2, 5, 4), torch.zeros(1, 2, 5, 4))
    >>> cache.length(0), cache.num_bytes()
    (5, 320)
    """

    def __init__(self) -> None:
        self.keys: dict[int, Tensor] = {}
        self.values: dict[int, Tensor] = {}

    def length(self, layer: int) -> int:
        """How many positions of a layer are stored."""
        return self.keys[layer].shape[2] if layer in self.keys else 0

    def num_bytes(self) -> int:
        """How many bytes the stored numbers take."""
        return sum(x.nbytes for x in (*self.keys.values(), *self.values.values()))

    def extend(
        self,
        layer: int,
        keys: Float[Tensor, "batch kv_heads new head_dim"],
        values: Float[Tensor, "batch kv_heads new head_dim"],
    ) -> tuple[
        Float[Tensor, "batch kv_heads positions head_dim"], Float[Tensor, "batch kv_heads positions head_dim"]
    ]:
        """Append new positions to a layer, and return all of its keys and values."""
        if layer in self.keys:
            keys = torch.cat((self.keys[layer], keys), dim=2)
            values = torch.cat((self.values[layer], values), dim=2)
        self.keys[layer], self.values[layer] = keys, values
        return keys, values
