"""Values, a grid laid over part of their range, and all that follows from the two."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib import quantization
from course_lib.quantization.checks import check_bits, check_values
from course_lib.validate import check_scale


@dataclass(frozen=True, eq=False)
class AffineState:
    """Everything that the figure of a grid depends on.

    Parameters
    ----------
    x : Tensor, any shape, float32 or float64
        The values, not all alike.
    low, high : float
        The clip limits; the grid is laid from one to the other, and over 0.
    bits : int from 2 to 8
    symmetric : bool
        Whether 0 has code 0 and both signs have equally many codes. Then the farther limit counts for both.

    Raises
    ------
    TypeError, ValueError
        If ``x`` is not finite or constant, the limits are upside down, or ``bits`` is out of range.
    """

    x: Float[Tensor, "*shape"]
    low: float
    high: float
    bits: int = 4
    symmetric: bool = False

    def __post_init__(self) -> None:
        check_values("x", self.x)
        check_bits("bits", self.bits)
        check_scale("low", self.low)
        check_scale("high", self.high)
        if self.low > self.high:
            raise ValueError(f"low must be at most high, got {self.low:g} and {self.high:g}.")
        object.__setattr__(self, "x", self.x.detach().double().flatten())
        if self.x.min() == self.x.max():
            raise ValueError("x must not be constant: there is nothing to draw.")

    @cached_property
    def codes(self) -> quantization.CodeRange:
        """Smallest and largest code."""
        return quantization.code_range(self.bits, narrow=self.symmetric)

    @cached_property
    def qparams(self) -> quantization.QParams:
        """Scale and zero point."""
        low, high = (torch.tensor(end, dtype=torch.float64) for end in (self.low, self.high))
        return quantization.affine_qparams(low, high, *self.codes, self.symmetric)

    @property
    def scale(self) -> float:
        """The width of a step."""
        return float(self.qparams.scale)

    @property
    def zero_point(self) -> int:
        """The code of 0."""
        return int(self.qparams.zero_point)

    @cached_property
    def grid(self) -> Tensor:
        """The values that have codes, ascending."""
        codes = torch.arange(self.codes.qmin, self.codes.qmax + 1, dtype=torch.float64)
        return (codes - self.zero_point) * self.scale

    @cached_property
    def parts(self) -> quantization.ErrorParts:
        """Mean squared errors by rounding and by clipping."""
        return quantization.clip_and_round_error(self.x, self.scale, self.zero_point, *self.codes)

    @cached_property
    def sqnr(self) -> float:
        """Signal to quantization noise, in dB."""
        return float(
            quantization.sqnr_db(
                self.x, quantization.fake_quantize(self.x, self.scale, self.zero_point, *self.codes)
            )
        )

    @cached_property
    def used(self) -> int:
        """How many codes occur."""
        return len(quantization.quantize(self.x, self.scale, self.zero_point, *self.codes).unique())

    @cached_property
    def cut(self) -> float:
        """The share of values that lie outside of the grid."""
        return float(((self.x < self.grid[0]) | (self.x > self.grid[-1])).double().mean())

    @cached_property
    def over_everything(self) -> "AffineState":
        """Give the same values with a grid over their whole range."""
        ends = float(self.x.min()), float(self.x.max())
        return AffineState(self.x, *ends, self.bits, self.symmetric)

    @cached_property
    def of_least_error(self) -> "AffineState":
        """Give the same values with the grid of least mean squared error."""
        observer = quantization.Histogram(*self.codes, symmetric=self.symmetric)
        observer.observe(self.x)
        low, high = (float(end) for end in observer.range())
        return AffineState(self.x, low, high, self.bits, self.symmetric)


@lru_cache(maxsize=1)
def affine_examples() -> dict[str, Tensor]:
    """Values to try a grid on, by name."""
    bell = torch.randn(4000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    stray = torch.cat([bell, torch.tensor([12.0], dtype=torch.float64)])
    return {"bell curve": bell, "after a ReLU": bell.relu(), "one stray value": stray}
