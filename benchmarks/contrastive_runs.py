"""The losses that the benchmark runs, all alike: forward, then gradients for features, scale and bias.

As a program it runs one of them in a fresh process and prints the peak of its memory:
``python -m benchmarks.contrastive_runs "tiled_clip_loss" 8192 cpu``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks import open_clip_losses
from course_lib.contrastive import siglip_loss_chunked, tiled_clip_loss

DIM = 512
OPEN_CLIP, OPEN_SIGLIP, MATMULS = "open_clip ClipLoss", "open_clip SigLipLoss", "four bare matmuls"
TILED, TILED_KEEPING, SIGLIP = "tiled_clip_loss", "tiled_clip_loss, keeping", "siglip_loss_chunked"
#: A graphics card is busy only with larger tiles.
TILE = {"cpu": 1024, "cuda": 4096}


class Inputs(NamedTuple):
    """A batch on its way through training, with what CLIP and SigLIP start their scalars at."""

    image: Tensor
    text: Tensor
    logit_scale: Tensor
    logit_bias: Tensor


def inputs(batch: int, device: str) -> Inputs:
    """Unit vectors, a text's cosine with its image about 0.7. Made in place, which leaves no peak behind."""
    generator = torch.Generator(device).manual_seed(0)
    image, text = (torch.empty(batch, DIM, device=device).normal_(generator=generator) for _ in range(2))
    text += image
    for features in (image, text):
        features /= torch.linalg.vector_norm(features, dim=1, keepdim=True)
    scalars = (torch.tensor(value, device=device) for value in (1 / 0.07, -10.0))
    return Inputs(*(tensor.requires_grad_() for tensor in (image, text, *scalars)))


def contenders(given: Inputs) -> dict[str, Callable[[], tuple[Tensor, ...]]]:
    """Every loss as a call that returns its value and its gradients."""
    theirs = open_clip_losses.load()
    clip, siglip = theirs.ClipLoss(cache_labels=True), theirs.SigLipLoss()
    for_clip, tile = given[:3], TILE[given.image.device.type]
    all_tiles = len(given.image) ** 2 * given.image.element_size()

    def with_gradients(loss: Callable[..., Tensor], arguments: tuple[Tensor, ...], **settings: int):
        def run() -> tuple[Tensor, ...]:
            value = loss(*arguments, **settings)
            return value.detach(), *torch.autograd.grad(value, arguments)

        return run

    return {
        OPEN_CLIP: with_gradients(clip, for_clip),
        TILED: with_gradients(tiled_clip_loss, for_clip, tile=tile),
        TILED_KEEPING: with_gradients(tiled_clip_loss, for_clip, tile=tile, memory_budget=all_tiles),
        OPEN_SIGLIP: with_gradients(siglip, tuple(given)),
        SIGLIP: with_gradients(siglip_loss_chunked, tuple(given), chunk=tile),
    }


def four_matmuls(given: Inputs) -> Callable[[], None]:
    """Return four times [N, D] × [D, N], what the tiled loss cannot do without; in panels of 4096 columns."""
    image, text = given.image.detach(), given.text.detach()
    panel = image.new_empty(len(image), min(len(image), 4096))

    def run() -> None:
        for _ in range(4):
            for texts in text.split(panel.shape[1]):
                torch.mm(image, texts.T, out=panel[:, : len(texts)])

    return run


def extra_memory(run: Callable[[], object], device: str) -> int:
    """Bytes that a run needs at its peak beyond what was there before. On a processor, of this process."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    import psutil

    before = psutil.Process().memory_info().rss
    run()
    return _peak() - before


def _peak() -> int:
    """Most bytes that this process ever held at once."""
    if sys.platform == "linux":  # where ru_maxrss starts at what the parent process held
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return 1024 * int(re.search(r"VmHWM:\s*(\d+) kB", status)[1])
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    name, size, where = sys.argv[1:]
    contenders(inputs(64, where))[name]()  # loads kernels and starts threads
    print(extra_memory(contenders(inputs(int(size), where))[name], where))
