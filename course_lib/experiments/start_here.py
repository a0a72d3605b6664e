"""The measurement of lesson 00."""

from __future__ import annotations

from typing import NamedTuple

from course_lib import contrastive
from course_lib.experiments.random import random_rows


class RandomCosine(NamedTuple):
    """The size of a cosine by chance."""

    typical: float
    predicted: float


def random_cosine(dim: int = 512, count: int = 1000, seed: int = 0) -> RandomCosine:
    """Root mean square of the cosines between random directions, beside 1/√dim."""
    cosines = contrastive.cosine_similarity(random_rows(count, dim, seed), random_rows(count, dim, seed + 1))
    return RandomCosine(float((cosines**2).mean().sqrt()), dim**-0.5)
