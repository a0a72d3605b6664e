"""False negatives: what a pair costs that is right and labelled wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch

from course_lib import contrastive


class Copies(NamedTuple):
    """The lowest losses when every pair is in the batch several times."""

    copies: tuple[int, ...]
    sigmoid: tuple[float, ...]
    sigmoid_floor: tuple[float, ...]
    softmax: tuple[float, ...]
    softmax_floor: tuple[float, ...]
    probability: tuple[float, ...]


def copies(pairs: int = 32, times: Sequence[int] = (1, 2, 4)) -> Copies:
    """A perfect model on a batch that holds every pair c times: image i has c right texts, one labelled +1.

    A right pair's logit is ℓ; wrong pairs are as far away as one likes. Per image, one term −log σ(ℓ) stands
    against c − 1 terms −log σ(−ℓ): the lowest value, at σ(ℓ) = 1/c, is log c + (c − 1) log(c/(c − 1)).
    """
    sigmoid, floors, softmax, probabilities = [], [], [], []
    for count in times:
        once = torch.eye(pairs, dtype=torch.float64)
        twice = once.repeat(count, 1)
        # Cosines are 1 for right pairs and 0 for wrong ones: a scale of 100 and a bias that puts right pairs
        # at log 1/(c − 1); one copy alone is pushed as far as the scale allows.
        bias = -math.log(count - 1) - 100.0 if count > 1 else -50.0
        sigmoid.append(_lowest(twice, bias))
        floors.append(math.log(count) + (count - 1) * math.log(count / (count - 1)) if count > 1 else 0.0)
        softmax.append(abs(float(contrastive.clip_loss(twice, twice, 100.0))))
        probabilities.append(float(torch.sigmoid(torch.tensor(100.0 + bias))))
    return Copies(
        tuple(times),
        tuple(sigmoid),
        tuple(floors),
        tuple(softmax),
        tuple(math.log(count) for count in times),
        tuple(probabilities),
    )


def _lowest(features: torch.Tensor, start: float) -> float:
    """The loss with the bias that is best, searched for around a start: the floor is not put in by hand."""
    biases = torch.linspace(start - 4, start + 4, 81, dtype=torch.float64)
    return min(float(contrastive.siglip_loss(features, features, 100.0, bias)) for bias in biases)
