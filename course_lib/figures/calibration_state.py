"""Calibration data, the range that each observer picks from it, and what that costs later."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib import quantization
from course_lib.experiments.post_training import observers
from course_lib.quantization.checks import check_bits, check_values
from course_lib.validate import check_rank


@dataclass(frozen=True, eq=False)
class CalibrationState:
    """Everything that the figure of the observers depends on.

    Parameters
    ----------
    batches : Tensor, shape [batches, values], float32 or float64
        The first half is shown to the observers, the second half is quantized.
    bits : int from 2 to 8
    percentile : float from 50 to 100
        Of the observer of that name.

    Raises
    ------
    TypeError, ValueError
        If there are fewer than two batches, or a number is out of range.
    """

    batches: Float[Tensor, "batches values"]
    bits: int = 8
    percentile: float = 99.9

    def __post_init__(self) -> None:
        check_values("batches", self.batches)
        check_rank("batches", self.batches, ("batches", "values"))
        if len(self.batches) < 2:
            raise ValueError("batches must hold at least 2, one to calibrate on and one to test on, got 1.")
        check_bits("bits", self.bits)

    @property
    def seen(self) -> Tensor:
        """The batches that observers watch."""
        return self.batches[: len(self.batches) // 2]

    @property
    def unseen(self) -> Tensor:
        """The batches that are quantized."""
        return self.batches[len(self.batches) // 2 :]

    @cached_property
    def observers(self) -> dict[str, quantization.Observer]:
        """Observers that have watched, by name."""
        watching = observers(self.bits, self.percentile)
        for observer in watching.values():
            for batch in self.seen:
                observer.observe(batch)
        return watching

    @cached_property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Lower and upper end of each observer's range."""
        return {name: (float(low), float(high)) for name, (low, high) in self._ends().items()}

    @cached_property
    def sqnr(self) -> dict[str, float]:
        """Signal to noise on the unseen batches, in dB."""
        codes = quantization.code_range(self.bits)
        found = {}
        for name, observer in self.observers.items():
            scale, zero_point = observer.qparams()
            x_hat = quantization.fake_quantize(self.unseen, float(scale), int(zero_point), *codes)
            found[name] = float(quantization.sqnr_db(self.unseen, x_hat))
        return found

    @cached_property
    def cut(self) -> dict[str, float]:
        """The share of unseen values outside of each range."""
        return {
            name: float(((self.unseen < low) | (self.unseen > high)).double().mean())
            for name, (low, high) in self.ranges.items()
        }

    @property
    def best(self) -> str:
        """The observer with the least noise here."""
        return max(self.sqnr, key=self.sqnr.__getitem__)

    @cached_property
    def usual(self) -> float:
        """A magnitude that 99 % of the calibration values stay below: where the drawing's axis bends."""
        return max(float(torch.quantile(self.seen.abs().flatten()[:200_000].float(), 0.99)), 1e-6)

    def _ends(self) -> dict[str, tuple[Tensor, Tensor]]:
        return {name: observer.range() for name, observer in self.observers.items()}
