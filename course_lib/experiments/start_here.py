"""The measurement of lesson 00."""

from __future__ import annotations

from typing import NamedTuple

import torch

from course_lib import contrastive


class RandomCosine(NamedTuple):
    """The size of a cosine by chance."""

    typical: float
    predicted: float


def random_cosine(dim: int = 512, count: int = 1000, seed: int = 0) -> RandomCosine:
    """Root mean square of the cosines between random directions, beside 1/√dim."""
    generator = torch.Generator().manual_seed(seed)
    images, texts = (torch.randn(count, dim, generator=generator, dtype=torch.float64) for _ in range(2))
    cosines = contrastive.cosine_similarity(images, texts)
    return RandomCosine(float((cosines**2).mean().sqrt()), dim**-0.5)
