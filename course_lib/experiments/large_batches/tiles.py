"""The memory and the time of the loss, whole and in tiles."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.experiments.large_batches.counting import Counted, peak_bytes

Loss = Callable[..., Tensor]  # (image_features, text_features, logit_scale, tile)
SCALE = 1 / 0.07  # where CLIP starts
TILE = 512
DIM = 128  # CLIP's is 512; the logits, which this lesson is about, do not depend on it
MEGABYTE = 1e6


def features(batch: int, dim: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Random float32 features of loosely matched pairs, and a scale, all of which want gradients."""
    generator = torch.Generator().manual_seed(seed)
    images, noise = torch.randn(2, batch, dim, generator=generator)
    leaves = [torch.nn.functional.normalize(rows, dim=1) for rows in (images, images + 2 * noise)]
    images, texts, scale = (x.requires_grad_() for x in (*leaves, torch.tensor(SCALE)))
    return images, texts, scale


def usable(answer: Loss | None) -> tuple[Loss, bool]:
    """A learner's function if it is right on a small batch, else the library's; and whether it is theirs.

    A measurement must not stop a notebook because an answer is not written yet, or is wrong in whatever way.
    """
    if answer is not None and _right(answer):
        return answer, True
    return contrastive.tiled_clip_loss, False


def _right(answer: Loss) -> bool:
    given = features(5, 3)
    wanted = torch.autograd.grad(contrastive.clip_loss(*given), given)
    try:
        found = torch.autograd.grad(answer(*given, 2), given, allow_unused=True)
    except Exception:
        return False
    return all(
        got is not None and torch.allclose(got, want, rtol=1e-3, atol=1e-5)
        for got, want in zip(found, wanted, strict=True)
    )


class Memory(NamedTuple):
    """Megabytes held at once for loss and gradients; NaN where the whole matrix was not tried."""

    batches: tuple[int, ...]
    whole: tuple[float, ...]
    tiled: tuple[float, ...]
    logits: tuple[float, ...]
    matrices: float
    yours: bool


def memory(
    answer: Loss | None = None,
    batches: Sequence[int] = (1024, 2048, 4096, 8192),
    whole_up_to: int = 4096,
    dim: int = DIM,
    tile: int = TILE,
) -> Memory:
    """Count what a loss and its gradients hold at once, for the whole matrix and for tiles (C12).

    `logits` is one N×N matrix of 32-bit floats, and `matrices` how many of them the whole loss holds. `yours`
    says whether `answer` was used, or the library's function because `answer` is not right yet.
    """
    loss, yours = usable(answer)
    whole, tiled = [], []
    for batch in batches:
        given = features(batch, dim)
        tried = batch <= whole_up_to
        whole.append(held(contrastive.clip_loss, *given) if tried else math.nan)
        tiled.append(held(loss, *given, tile))
    logits = tuple(4 * batch**2 / MEGABYTE for batch in batches)
    largest = max(batch for batch in batches if batch <= whole_up_to)
    matrices = whole[batches.index(largest)] / logits[batches.index(largest)]
    return Memory(tuple(batches), tuple(whole), tuple(tiled), logits, matrices, yours)


def held(loss: Loss, images: Tensor, texts: Tensor, scale: Tensor, *more: object) -> float:
    """Megabytes that a loss and its gradients hold at once, beside the features."""
    given = [x.detach().clone().requires_grad_() for x in (images, texts, scale)]
    return peak_bytes(lambda: loss(*given, *more).backward()) / MEGABYTE


class Times(NamedTuple):
    """Seconds for loss and gradients, the best of some runs; NaN where the whole matrix was not tried."""

    batches: tuple[int, ...]
    whole: tuple[float, ...]
    yours: tuple[float, ...]
    library: tuple[float, ...]
    floor: tuple[float, ...]
    is_yours: bool


def times(
    answer: Loss | None = None,
    batches: Sequence[int] = (512, 1024, 2048, 4096),
    whole_up_to: int = 4096,
    dim: int = DIM,
    tile: int = TILE,
    repeats: int = 3,
) -> Times:
    """Time the whole loss, a learner's tiles and the library's, beside the four matrix products they need.

    The floor is four products of [N, dim] with [dim, N] and back, in tiles, and nothing else. Runs are
    interleaved, and the best of `repeats` is kept.
    """
    mine, is_yours = usable(answer)
    ways: list[Callable[..., object]] = [
        lambda *given: contrastive.clip_loss(*given).backward(),
        lambda *given: mine(*given, tile).backward(),
        lambda images, texts, scale: contrastive.tiled_clip_loss(images, texts, scale, tile).backward(),
        lambda images, texts, scale: _four_products(images.detach(), texts.detach(), tile),
    ]
    rows: list[list[float]] = [[] for _ in ways]
    for batch in batches:
        given = features(batch, dim)
        best = [math.inf] * len(ways)
        for _ in range(repeats):
            for place, way in enumerate(ways):
                if place or batch <= whole_up_to:
                    started = time.perf_counter()
                    way(*given)
                    best[place] = min(best[place], time.perf_counter() - started)
        for row, value in zip(rows, best, strict=True):
            row.append(value if math.isfinite(value) else math.nan)
    whole, yours, library, floor = (tuple(row) for row in rows)
    return Times(tuple(batches), whole, yours, library, floor, is_yours)


def _four_products(images: Tensor, texts: Tensor, tile: int) -> None:
    """Logits, logits again, G T and Gᵀ I: what a loss that keeps no logits has to multiply at least."""
    into = torch.empty(tile, images.shape[1])
    block = torch.empty(tile, tile)
    for i in range(0, len(images), tile):
        for j in range(0, len(texts), tile):
            one, other = images[i : i + tile], texts[j : j + tile]
            out = block[: len(one), : len(other)]
            for _ in range(2):
                torch.mm(one, other.T, out=out)
            torch.mm(out, other, out=into[: len(one)])
            torch.mm(out.T, one, out=into[: len(other)])


class BigBatch(NamedTuple):
    """One loss with gradients at a batch whose matrix would not fit."""

    batch: int
    seconds: float
    megabytes: float
    matrix_megabytes: float
    loss: float
    chance: float
    euler_error: float
    yours: bool


def big_batch(
    answer: Loss | None = None, batch: int = 32_768, dim: int = DIM, tile: int = TILE, progress: bool = True
) -> BigBatch:
    """CLIP's own batch size on this machine: the exact loss and all gradients (C12, C9).

    `euler_error` tests the gradients without a second computation: the logits depend on images and scale only
    through their product, so Σ I·∂L/∂I = logit_scale · ∂L/∂logit_scale; the relative difference is given.
    """
    from tqdm import tqdm

    loss_of, yours = usable(answer)
    images, texts, scale = features(batch, dim)
    # On stdout: what a notebook prints to stderr looks like an error.
    with tqdm(
        total=100,
        unit="%",
        disable=not progress,
        file=sys.stdout,
        bar_format="{l_bar}{bar}| {elapsed}",
        leave=False,
    ) as bar:
        share = 100 / (8 * batch**2 * dim)  # four products of 2·N²·D operations
        started = time.perf_counter()
        with Counted(lambda operations: bar.update(min(operations * share, 100 - bar.n))) as counted:
            loss = loss_of(images, texts, scale, tile)
            loss.backward()
        seconds = time.perf_counter() - started
    assert images.grad is not None
    assert scale.grad is not None
    radial = float((images.detach().double() * images.grad.double()).sum())
    by_scale = float(scale.detach().double() * scale.grad.double())
    return BigBatch(
        batch,
        seconds,
        counted.most / MEGABYTE,
        4 * batch**2 / MEGABYTE,
        float(loss.detach()),
        math.log(batch),
        abs(radial - by_scale) / abs(by_scale),
        yours,
    )
