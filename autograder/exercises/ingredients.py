"""What cases are made of: random embeddings, unit vectors, logits, and implementations to be tested."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.random import Generator

from autograder.exercise import CaseSpec, Exercise, case


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


def accepts(
    styles: Iterable[str],
    asks: str = "Does it compare floats with ==, or ask for more than the docstring promises?",
) -> list[CaseSpec]:
    """Cases of a learner's test: right implementations, by name, that it has to accept."""
    return [
        case(
            f"a correct implementation ({style})",
            _given,
            group="accepts",
            private={"implementation": style},
            complaint=f"Your test rejects a correct implementation ({style}). {asks}",
        )
        for style in styles
    ]


def catches(tested: Exercise, names: Iterable[str], group: str = "catches") -> list[CaseSpec]:
    """Cases of a learner's test: misconceptions of the exercise that it tests, which it should reject."""
    return [
        case(
            f"a wrong implementation ({tested.misconceptions[name].title})",
            _given,
            group=group,
            private={"implementation": name},
            complaint=f"Your test lets a wrong implementation through: {tested.misconceptions[name].title}.",
        )
        for name in names
    ]


def _given(rng: Generator) -> dict[str, Any]:
    """A handle that says nothing: a test that could read it would know which implementation it has."""
    return {"implementation": "implementation"}
