"""Two small towers on emoji, and the ways to take one step with them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from course_lib import contrastive

WIDTH = 64  # of the emoji features
SCALE = 10.0


class Block(nn.Module):
    """A residual block as in a transformer: out to four times the width and back."""

    def __init__(self, width: int, norm: Callable[[int], nn.Module], dropout: float) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            norm(width),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(4 * width, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """From [batch, width] to [batch, width]."""
        return x + self.inner(x)


class Tower(nn.Module):
    """A small encoder: some blocks, then unit vectors. With `checkpointed`, each block is computed again."""

    def __init__(
        self,
        norm: Callable[[int], nn.Module] = nn.LayerNorm,
        dropout: float = 0.0,
        blocks: int = 3,
        width: int = WIDTH,
        checkpointed: bool = False,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, norm, dropout) for _ in range(blocks))
        self.checkpointed = checkpointed

    def forward(self, x: Tensor) -> Tensor:
        """From [batch, width] to unit vectors [batch, width]."""
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if self.checkpointed else block(x)
        return nn.functional.normalize(x, dim=1)


class Step:
    """Two towers and a scale with one seed, so that every way to take a step starts from the same weights."""

    def __init__(self, seed: int = 0, tile: int = 0, **tower: object) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.towers = [Tower(**tower).double() for _ in range(2)]  # type: ignore[arg-type]
        self.tile = tile  # of the loss; 0 for the whole matrix
        self.scale = torch.tensor(SCALE, dtype=torch.float64, requires_grad=True)

    def loss(self, images: Tensor, texts: Tensor) -> Tensor:
        """The loss of features."""
        if self.tile:
            return contrastive.tiled_clip_loss(images, texts, self.scale, self.tile)
        return contrastive.clip_loss(images, texts, self.scale)

    def gradient(self) -> Tensor:
        """All gradients in one vector."""
        weights = [p for tower in self.towers for p in tower.parameters()]
        return torch.cat(
            [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in (*weights, self.scale)]
        )

    def plain(self, images: Tensor, texts: Tensor, chunk_size: int | None = None) -> Tensor:
        """The ordinary step, all activations alive; in chunks, so that dropout draws the same masks."""
        size = chunk_size or len(images)
        encoded, described = (
            torch.cat([tower(chunk) for chunk in inputs.split(size)])
            for tower, inputs in zip(self.towers, (images, texts), strict=True)
        )
        loss = self.loss(encoded, described)
        loss.backward()
        return loss.detach()

    def cached(
        self, images: Tensor, texts: Tensor, chunk_size: int, step: Callable[..., Tensor] | None = None
    ) -> Tensor:
        """The cached step, ours or another one."""
        image_tower, text_tower = self.towers
        way = step or contrastive.grad_cache_step
        return way(image_tower, text_tower, images, texts, self.loss, chunk_size)
