"""A BERT encoder in the fewest lines that run MiniLM, and the vector that it makes of a sentence.

Every matrix is a plain ``nn.Linear``, so that a quantizer can find it by its name and put another module in
its place.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from course_lib.language.checks import check_tokens


@dataclass(frozen=True)
class BertConfig:
    """Sizes of a BERT.

    Attributes
    ----------
    vocab_size, dim, hidden_dim, num_layers, num_heads : int
        Word pieces known; width of a state; width inside the MLP; number of blocks; heads, which divide dim.
    max_positions : int, default 512
    eps : float, default 1e-12
        Added to the variance under LayerNorm's root.
    """

    vocab_size: int
    dim: int
    hidden_dim: int
    num_layers: int
    num_heads: int
    max_positions: int = 512
    eps: float = 1e-12

    def __post_init__(self) -> None:
        if self.dim % self.num_heads:
            raise ValueError(f"dim must be a multiple of num_heads, got {self.dim} and {self.num_heads}.")


class BertBlock(nn.Module):
    """norm(x + attention(x)), then norm(x + mlp(x)): the norms come after the sums."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.query, self.key, self.value, self.output = (nn.Linear(config.dim, config.dim) for _ in range(4))
        self.attention_norm = nn.LayerNorm(config.dim, eps=config.eps)
        self.up = nn.Linear(config.dim, config.hidden_dim)
        self.down = nn.Linear(config.hidden_dim, config.dim)
        self.mlp_norm = nn.LayerNorm(config.dim, eps=config.eps)

    def forward(
        self, x: Float[Tensor, "batch positions dim"], real: Bool[Tensor, "batch positions"]
    ) -> Float[Tensor, "batch positions dim"]:
        """Let every position look at all real ones, then apply the MLP to each by itself."""
        queries, keys, values = (self._heads(matrix(x)) for matrix in (self.query, self.key, self.value))
        visible = real[:, None, None, :]
        mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=visible)
        x = self.attention_norm(x + self.output(mixed.transpose(1, 2).flatten(2)))
        return self.mlp_norm(x + self.down(F.gelu(self.up(x))))

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)


class Bert(nn.Module):
    """A BERT without a head: states of the positions, and their mean as a sentence's vector.

    Parameters
    ----------
    config : BertConfig
        Its sizes.

    Notes
    -----
    Matrices are ``layers.{i}.{query,key,value,output,up,down}``. All text is of the first of BERT's two kinds
    of segment, whose vector is added to every position's.

    References
    ----------
    Devlin et al. 2018, arXiv:1810.04805. Reimers and Gurevych 2019, arXiv:1908.10084: mean pooling.

    Examples
    --------
    >>> config = BertConfig(vocab_size=10, dim=8, hidden_dim=12, num_layers=2, num_heads=2)
    >>> Bert(config)(torch.tensor([[1, 2, 3]])).shape
    torch.Size([1, 3, 8])
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.vocab_size, config.dim)
        self.positions = nn.Embedding(config.max_positions, config.dim)
        self.segment = nn.Parameter(torch.zeros(config.dim))
        self.norm = nn.LayerNorm(config.dim, eps=config.eps)
        self.layers = nn.ModuleList(BertBlock(config) for _ in range(config.num_layers))

    def forward(
        self, tokens: Int64[Tensor, "batch positions"], real: Bool[Tensor, "batch positions"] | None = None
    ) -> Float[Tensor, "batch positions dim"]:
        """Return the state of each position.

        Parameters
        ----------
        tokens : int64 tensor, shape [batch, positions]
            Word pieces, at most ``max_positions`` of them.
        real : bool tensor, shape [batch, positions], optional
            False where a sequence is padded; no position looks there.

        Raises
        ------
        TypeError, ValueError
            If ``tokens`` are not such numbers, or too many.
        """
        check_tokens("tokens", tokens, self.config.vocab_size)
        length = tokens.shape[1]
        if length > self.config.max_positions:
            raise ValueError(f"tokens must be at most {self.config.max_positions} a sequence, got {length}.")
        if real is None:
            real = torch.ones_like(tokens, dtype=torch.bool)
        x = self.norm(self.words(tokens) + self.positions.weight[:length] + self.segment)
        for block in self.layers:
            x = block(x, real)
        return x

    def sentence(
        self, tokens: Int64[Tensor, "batch positions"], real: Bool[Tensor, "batch positions"]
    ) -> Float[Tensor, "batch dim"]:
        """Return a unit vector for each sequence: the mean of its real positions' states, normalised."""
        states = self(tokens, real)
        mean = (states * real[..., None]).sum(dim=1) / real.sum(dim=1, keepdim=True)
        return F.normalize(mean, dim=1)
