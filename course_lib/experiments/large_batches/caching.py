"""Gradient caching: when it is the step of the whole batch, when it is not, and what it saves."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_lib.experiments.infonce import emoji_features
from course_lib.experiments.large_batches.counting import peak_bytes
from course_lib.experiments.large_batches.towers import Step


def without_replay(
    image_encoder: Callable[[Tensor], Tensor],
    text_encoder: Callable[[Tensor], Tensor],
    images: Tensor,
    texts: Tensor,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    chunk_size: int,
) -> Tensor:
    """Gradient caching as one writes it first: the second pass draws whatever comes."""
    towers = ((image_encoder, images.split(chunk_size)), (text_encoder, texts.split(chunk_size)))
    with torch.no_grad():
        features = [torch.cat([encoder(chunk) for chunk in chunks]) for encoder, chunks in towers]
    leaves = [feature.requires_grad_() for feature in features]
    loss = loss_fn(*leaves)
    loss.backward()
    for (encoder, chunks), leaf in zip(towers, leaves, strict=True):
        assert leaf.grad is not None
        for chunk, cache in zip(chunks, leaf.grad.split(chunk_size), strict=True):
            encoder(chunk).backward(cache)
    return loss.detach()


class Dropout(NamedTuple):
    """Errors of cached gradients, relative to the length of the right one, and a cosine."""

    replayed: float
    not_replayed: float
    not_replayed_cosine: float
    without_dropout: float
    loss_difference: float
    yours: bool


def dropout(
    batch: int = 256, chunk_size: int = 32, rate: float = 0.2, step: Callable[..., Tensor] | None = None
) -> Dropout:
    """Cache gradients of towers with dropout, with and without replaying the random state, on emoji.

    `step` may be a learner's grad_cache_step; ours is used where it fails, or returns nothing.
    """
    images, texts = emoji_features(batch)

    def gradient(way: Callable[[Step], Tensor], rate: float = rate) -> tuple[float, Tensor]:
        taken = Step(dropout=rate)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            loss = way(taken)
        return float(loss), taken.gradient()

    loss, right = gradient(lambda s: s.plain(images, texts, chunk_size))
    yours = step is not None
    try:
        _, replayed = gradient(lambda s: s.cached(images, texts, chunk_size, step))
    except Exception:  # a measurement must not stop a notebook, however an answer fails
        yours = False
        _, replayed = gradient(lambda s: s.cached(images, texts, chunk_size))
    free_loss, free = gradient(lambda s: s.cached(images, texts, chunk_size, without_replay))
    _, right_dry = gradient(lambda s: s.plain(images, texts), 0.0)
    _, free_dry = gradient(lambda s: s.cached(images, texts, chunk_size, without_replay), 0.0)
    return Dropout(
        _error(replayed, right),
        _error(free, right),
        float(free @ right / (free.norm() * right.norm())),
        _error(free_dry, right_dry),
        abs(free_loss - loss),
        yours,
    )


def _error(got: Tensor, right: Tensor) -> float:
    return float((got - right).norm() / right.norm())


class BatchNorm(NamedTuple):
    """Where caching is not the step of the whole batch: errors, by size of the chunk."""

    chunk_sizes: tuple[int, ...]
    batch_norm: tuple[float, ...]
    layer_norm: tuple[float, ...]
    loss_whole: float
    loss_cached: float
    updates_whole: int
    updates_cached: int


def batch_norm(batch: int = 256, chunk_sizes: Sequence[int] = (8, 16, 32, 64, 128, 256)) -> BatchNorm:
    """The gradient's relative error with BatchNorm and LayerNorm; loss and updates at the smallest chunk."""
    images, texts = emoji_features(batch)

    def count(step: Step) -> int:
        norm = next(module for module in step.towers[0].modules() if isinstance(module, nn.BatchNorm1d))
        return int(norm.num_batches_tracked)  # type: ignore[arg-type]

    errors: dict[type, list[float]] = {nn.BatchNorm1d: [], nn.LayerNorm: []}
    losses, updates = {}, {}
    for norm, found in errors.items():
        whole = Step(norm=norm)
        loss = float(whole.plain(images, texts))
        for size in chunk_sizes:
            cached = Step(norm=norm)
            losses[norm, size] = loss, float(cached.cached(images, texts, size))
            found.append(_error(cached.gradient(), whole.gradient()))
            if norm is nn.BatchNorm1d:
                updates[size] = count(whole), count(cached)
    smallest = min(chunk_sizes)
    return BatchNorm(
        tuple(chunk_sizes),
        tuple(errors[nn.BatchNorm1d]),
        tuple(errors[nn.LayerNorm]),
        *losses[nn.BatchNorm1d, smallest],
        *updates[smallest],
    )


class Activations(NamedTuple):
    """Several ways to take the same step: megabytes held at once, and seconds beside the plain step."""

    ways: tuple[str, ...]
    whole_logits: tuple[float, ...]
    tiled_logits: tuple[float, ...]
    relative_time: tuple[float, ...]
    worst_error: float


def activations(
    batch: int = 1024,
    chunk_sizes: Sequence[int] = (256, 64),
    blocks: int = 6,
    tile: int = 128,
    repeats: int = 5,
) -> Activations:
    """The plain step, checkpointed blocks (as CLIP did) and gradient caching, on emoji, in float64 (C9).

    Each with the whole matrix of logits and with tiles; times are those with tiles.
    """
    images, texts = emoji_features(batch)

    def taken(way: int, tile: int) -> tuple[Step, Callable[[], Tensor]]:
        step = Step(tile=tile, blocks=blocks, checkpointed=way == 1)
        if way < 2:
            return step, lambda: step.plain(images, texts)
        return step, lambda: step.cached(images, texts, chunk_sizes[way - 2])

    ways = range(2 + len(chunk_sizes))
    held: dict[int, list[float]] = {0: [], tile: []}
    right: Tensor | None = None
    worst = 0.0
    for way in ways:
        for size, megabytes in held.items():
            step, take = taken(way, size)
            megabytes.append(peak_bytes(take) / 1e6)
            right = step.gradient() if right is None else right
            worst = max(worst, _error(step.gradient(), right))
    seconds = [float("inf") for _ in ways]
    for _ in range(repeats):
        for way in ways:
            _, take = taken(way, tile)
            started = time.perf_counter()
            take()
            seconds[way] = min(seconds[way], time.perf_counter() - started)
    return Activations(
        ("plain", "checkpointed", *(f"cached, chunks of {size}" for size in chunk_sizes)),
        tuple(held[0]),
        tuple(held[tile]),
        tuple(second / seconds[0] for second in seconds),
        worst,
    )
