"""A batch at one temperature, and the curves over all temperatures that it lies on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import contrastive
from course_lib.experiments.temperature import Pairs, Sweep, measured_at, sweep
from course_lib.validate import check_int, check_paired, check_positive

#: The slider's exponents of 10. CLIP's start, 0.07, and its limit, 0.01, are both on its grid.
STEP = math.log10(7) / 24
LOW, HIGH = -2 - 14 * STEP, math.log10(0.07) + 33 * STEP
CURVE = tuple(10 ** (LOW + step * STEP) for step in range(round((HIGH - LOW) / STEP) + 1))

#: Below this temperature exp(1/τ) is infinite in float32: log of the largest float32 is 88.72.
OVERFLOW = 1 / math.log(torch.finfo(torch.float32).max)


class Candidate(NamedTuple):
    """A text that an image might choose, and the probability that the softmax gives it."""

    name: str
    cosine: float
    probability: float
    right: bool


@dataclass(frozen=True, eq=False)
class TemperatureState:
    """Everything that the temperature figure depends on.

    Parameters
    ----------
    batch : Pairs
        Unit features and names, at least two pairs.
    curves : Sweep
        Of the same batch; computed once, since they do not depend on the temperature shown.
    temperature : float, > 0
        τ, where the curves are marked.
    query : int
        The image whose candidates are shown.

    Raises
    ------
    TypeError, ValueError
        If the features are not finite matrices of one shape, ``temperature`` not a number > 0, or ``query``
        no row of the batch.
    """

    batch: Pairs
    curves: Sweep
    temperature: float = 0.07
    query: int = 0

    def __post_init__(self) -> None:
        check_paired(self.batch.images, self.batch.texts)
        check_positive("temperature", self.temperature)
        check_int("query", self.query, low=0, high=len(self.batch.images) - 1)

    @cached_property
    def marks(self) -> tuple[float, float, float]:
        """Loss, mean effective negatives and gradient norm at this temperature."""
        images, texts, _ = self.batch
        return measured_at(images, texts, self._cosines, self.temperature)

    @cached_property
    def _cosines(self) -> Tensor:
        return self.batch.images @ self.batch.texts.T

    @property
    def overflows(self) -> bool:
        """Whether exp(1/τ) is infinite in float32, so that a softmax without a shift can fail."""
        return self.temperature < OVERFLOW

    def candidates(self, count: int) -> list[Candidate]:
        """The texts likeliest for the query, and its own text if it is not among them, in order."""
        cosines = self._cosines[self.query]
        shares = contrastive.softmax_temperature(cosines[None], self.temperature)[0]
        # By cosine, not by probability: at small temperatures most probabilities are 0 and tie.
        order = cosines.argsort(descending=True).tolist()
        shown = order[:count]
        if self.query not in shown:
            shown[-1] = self.query
        names = self.batch.names
        return [Candidate(names[j], float(cosines[j]), float(shares[j]), j == self.query) for j in shown]


def temperature_state(batch: Pairs, temperature: float = 0.07, query: int = 0) -> TemperatureState:
    """A state with its curves computed."""
    return TemperatureState(batch, sweep(batch, CURVE), temperature, query)
