"""Is a softmax over cosines a probability? It depends on the scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.data import vendor_pairs
from course_lib.experiments.temperature.features import unseen_pairs
from course_lib.experiments.temperature.sweep import best_temperature

SCALES = (1.0, 2.0, 5.0, 7.0, 10.0, 14.3, 20.0, 30.0, 50.0, 100.0)
BINS = 15


class Calibration(NamedTuple):
    """Confidence against accuracy of retrieval at several scales, one number per scale."""

    scales: tuple[float, ...]
    errors: tuple[float, ...]
    confidence: tuple[float, ...]
    accuracy: float
    best_scale_for_error: float
    best_scale_for_loss: float
    error_at_clip: float


def caption_calibration(scales: Sequence[float] = SCALES, pairs: int = 1024) -> Calibration:
    """Pictures finding captions among 1,024, with a map fitted on other emoji."""
    images, texts, _ = unseen_pairs(pairs)
    return _calibration(_cosines(images, texts), scales)


def vendor_calibration(scales: Sequence[float] = SCALES, pairs: int = 1024) -> Calibration:
    """Noto's drawings finding Twemoji's among 1,024: an easier task, with nothing fitted."""
    found = vendor_pairs(pairs)
    return _calibration(_cosines(torch.tensor(found.first), torch.tensor(found.second)), scales)


def retrieval_error(cosines: Tensor, scale: float) -> tuple[float, float]:
    """Expected calibration error and mean confidence of the best candidate of each row."""
    confidence, answer = contrastive.softmax_temperature(cosines, 1 / scale).max(dim=1)
    correct = answer == torch.arange(len(cosines))
    error = contrastive.expected_calibration_error(confidence.clamp(max=1), correct, BINS)
    return float(error), float(confidence.mean())


def _calibration(cosines: Tensor, scales: Sequence[float]) -> Calibration:
    errors, confidence = zip(*(retrieval_error(cosines, scale) for scale in scales), strict=True)
    fine = torch.logspace(0, 2, 41, dtype=torch.float64).tolist()
    return Calibration(
        tuple(scales),
        errors,
        confidence,
        float(contrastive.recall_at_k(cosines, 1)),
        min(fine, key=lambda scale: retrieval_error(cosines, scale)[0]),
        1 / best_temperature(cosines),
        retrieval_error(cosines, 100.0)[0],
    )


def _cosines(first: Tensor, second: Tensor) -> Tensor:
    return contrastive.cosine_similarity(first.double(), second.double())
