"""A Llama in the fewest lines that run SmolLM2: RMSNorm, rotary positions, grouped queries, SwiGLU.

Every matrix is a plain ``nn.Linear`` under its usual name (q_proj, ..., down_proj), so that a quantizer can
find it by its name and put another module in its place.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from course_lib.language.cache import KVCache
from course_lib.language.checks import check_tokens
from course_lib.language.rope import rotate


@dataclass(frozen=True)
class LlamaConfig:
    """Sizes of a Llama.

    Attributes
    ----------
    vocab_size, dim, hidden_dim, num_layers : int
        Tokens known; width of the residual stream; width inside the MLP; number of blocks.
    num_heads, num_kv_heads : int
        Heads of queries, and of keys and values; the first a multiple of the second.
    rope_base : float, default 100,000
        See `rotate`.
    eps : float, default 1e-5
        Added to the mean square under RMSNorm's root.
    """

    vocab_size: int
    dim: int
    hidden_dim: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    rope_base: float = 100_000.0
    eps: float = 1e-5

    def __post_init__(self) -> None:
        for whole, part in (("dim", "num_heads"), ("num_heads", "num_kv_heads")):
            if (number := getattr(self, whole)) % (divisor := getattr(self, part)):
                raise ValueError(f"{whole} must be a multiple of {part}, got {number} and {divisor}.")
        if self.head_dim % 2:
            raise ValueError(f"dim / num_heads must be even: positions turn pairs, got {self.head_dim}.")

    @property
    def head_dim(self) -> int:
        """Width of one head."""
        return self.dim // self.num_heads


class Attention(nn.Module):
    """Causal attention; each head of keys and values serves num_heads / num_kv_heads heads of queries."""

    def __init__(self, config: LlamaConfig, layer: int) -> None:
        super().__init__()
        self.config, self.layer = config, layer
        kv_dim = config.num_kv_heads * config.head_dim
        self.q_proj = nn.Linear(config.dim, config.dim, bias=False)
        self.k_proj = nn.Linear(config.dim, kv_dim, bias=False)
        self.v_proj = nn.Linear(config.dim, kv_dim, bias=False)
        self.o_proj = nn.Linear(config.dim, config.dim, bias=False)

    def forward(
        self, x: Float[Tensor, "batch new dim"], cache: KVCache | None = None
    ) -> Float[Tensor, "batch new dim"]:
        """Attend from each new position to itself and all before it, those in the cache included."""
        past = 0 if cache is None else cache.length(self.layer)
        positions = torch.arange(past, past + x.shape[1], device=x.device)
        queries = rotate(self._heads(self.q_proj(x)), positions, self.config.rope_base)
        keys = rotate(self._heads(self.k_proj(x)), positions, self.config.rope_base)
        values = self._heads(self.v_proj(x))
        if cache is not None:
            keys, values = cache.extend(self.layer, keys, values)
        visible = torch.arange(keys.shape[2], device=x.device) <= positions[:, None]
        mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=visible, enable_gqa=True)
        return self.o_proj(mixed.transpose(1, 2).flatten(2))

    def _heads(self, x: Float[Tensor, "batch new width"]) -> Float[Tensor, "batch heads new head_dim"]:
        return x.unflatten(-1, (-1, self.config.head_dim)).transpose(1, 2)


class MLP(nn.Module):
    """SwiGLU: down_proj(silu(gate_proj(x)) · up_proj(x))."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.dim, config.hidden_dim, bias=False)
        self.up_proj = nn.Linear(config.dim, config.hidden_dim, bias=False)
        self.down_proj = nn.Linear(config.hidden_dim, config.dim, bias=False)

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Apply the MLP to every position by itself."""
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, config: LlamaConfig, layer: int) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(config.dim, eps=config.eps)
        self.attention = Attention(config, layer)
        self.mlp_norm = nn.RMSNorm(config.dim, eps=config.eps)
        self.mlp = MLP(config)

    def forward(
        self, x: Float[Tensor, "batch new dim"], cache: KVCache | None = None
    ) -> Float[Tensor, "batch new dim"]:
        """Add what attention and MLP have to say to the residual stream."""
        x = x + self.attention(self.attention_norm(x), cache)
        return x + self.mlp(self.mlp_norm(x))


class Llama(nn.Module):
    """A Llama whose output matrix is its embedding.

    logits = norm(block_L(... block_1(E[tokens]))) Eᵀ

    Parameters
    ----------
    config : LlamaConfig
        Its sizes.

    Notes
    -----
    Matrices are ``layers.{i}.attention.{q,k,v,o}_proj`` and ``layers.{i}.mlp.{gate,up,down}_proj``. Positions
    turn neighbouring pairs (see `rotate`), which is the order in which GGUF stores the rows of q and k.

    References
    ----------
    Touvron et al. 2023, "LLaMA", section 2.2. Ainslie et al. 2023, "GQA". Shazeer 2020, "GLU Variants".

    Examples
    --------
    >>> config = LlamaConfig(vocab_size=10, dim=8, hidden_dim=12, num_layers=2, num_heads=2, num_kv_heads=1)
    >>> Llama(config)(torch.tensor([[1, 2, 3]])).shape
    torch.Size([1, 3, 10])
    """

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.dim)
        self.layers = nn.ModuleList(Block(config, layer) for layer in range(config.num_layers))
        self.norm = nn.RMSNorm(config.dim, eps=config.eps)

    def forward(
        self, tokens: Int64[Tensor, "batch new"], cache: KVCache | None = None
    ) -> Float[Tensor, "batch new vocab_size"]:
        """Return the logits of the token after each position.

        Parameters
        ----------
        tokens : int64 tensor, shape [batch, new]
            Sequences of equal length, each at least one token long.
        cache : KVCache, optional
            Keys and values of the positions before ``tokens``; those of ``tokens`` are added to it.

        Returns
        -------
        tensor, shape [batch, new, vocab_size]
            Logits, in the dtype of the weights.

        Raises
        ------
        TypeError, ValueError
            If ``tokens`` are not such numbers.
        """
        check_tokens("tokens", tokens, self.config.vocab_size)
        x = self.embed_tokens(tokens)
        for block in self.layers:
            x = block(x, cache)
        return F.linear(self.norm(x), self.embed_tokens.weight)
