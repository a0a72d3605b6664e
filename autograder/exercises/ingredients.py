"""What cases are made of: random embeddings, unit vectors, logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

from autograder.exercise import CaseSpec, case


def unit_rows(rng: Generator, rows: int, dim: int) -> np.ndarray:
    """Random unit vectors, as the rows of a matrix."""
    x = rng.normal(size=(rows, dim))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def pairs(batch: int, dim: int, logit_scale: float, *, name: str = "", **options: Any) -> CaseSpec:
    """A batch of image and text features, normalised and loosely matched, and a scale."""

    def make(rng: Generator) -> dict[str, Any]:
        images = unit_rows(rng, batch, dim)
        texts = images + unit_rows(rng, batch, dim)
        return {
            "image_features": images,
            "text_features": texts / np.linalg.norm(texts, axis=1, keepdims=True),
            "logit_scale": np.array(logit_scale),
        }

    return case(name or f"{batch} pairs at scale {logit_scale:g}", make, **options)


def logits(rows: int, columns: int, scale: float, *, name: str = "", **options: Any) -> CaseSpec:
    """A matrix of random logits of about the given size."""
    return case(
        name or f"{rows}×{columns} logits of size {scale:g}",
        lambda rng: {"logits": scale * rng.normal(size=(rows, columns))},
        **options,
    )


def cosines(batch: int, dim: int, *, closeness: float = 1.0) -> Callable[[Generator], np.ndarray]:
    """Cosines of a batch of loosely matched pairs: positives on the diagonal, larger than most."""

    def make(rng: Generator) -> np.ndarray:
        images = unit_rows(rng, batch, dim)
        texts = closeness * images + unit_rows(rng, batch, dim)
        return images @ (texts / np.linalg.norm(texts, axis=1, keepdims=True)).T

    return make
