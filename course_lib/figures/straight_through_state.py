"""One weight on a grid, drawn towards a target by a gradient that is not the true one."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from course_lib.quantization import code_range
from course_lib.quantization.checks import check_bits, check_step
from course_lib.validate import check_int, check_positive, check_scale


@dataclass(frozen=True)
class StraightThroughState:
    """Everything that the figure of the straight-through estimator depends on.

    Parameters
    ----------
    bits : int from 2 to 6
        Codes −2^{b−1} … 2^{b−1} − 1.
    scale : float > 0
        s, the width of a step; z = 0.
    start, target : float
        Where the weight begins, and the t of the loss ½(x̃ − t)².
    learning_rate : float > 0
        Of plain gradient descent.
    steps : int from 1 to 1000
        How many.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range or not finite.
    """

    bits: int = 3
    scale: float = 0.5
    start: float = -1.2
    target: float = 0.65
    learning_rate: float = 0.1
    steps: int = 120

    def __post_init__(self) -> None:
        check_bits("bits", self.bits)
        check_int("bits", self.bits, low=2, high=6)
        check_step("scale", self.scale)
        check_scale("start", self.start)
        check_scale("target", self.target)
        check_positive("learning_rate", self.learning_rate)
        check_int("steps", self.steps, low=1, high=1000)

    @cached_property
    def grid(self) -> np.ndarray:
        """The values that have codes, ascending."""
        qmin, qmax = code_range(self.bits)
        return self.scale * np.arange(qmin, qmax + 1)

    @property
    def ends(self) -> tuple[float, float]:
        """Between which values a code is not clipped: half a step beyond the outermost."""
        return float(self.grid[0] - self.scale / 2), float(self.grid[-1] + self.scale / 2)

    def rounded(self, x: np.ndarray | float) -> np.ndarray:
        """The values of the grid for these x."""
        return np.clip(self.scale * np.round(np.asarray(x) / self.scale), self.grid[0], self.grid[-1])

    def slope(self, x: np.ndarray | float) -> np.ndarray:
        """∂x̃/∂x as the straight-through estimator has it: 1 where the code is not clipped, else 0."""
        codes = np.round(np.asarray(x) / self.scale)
        qmin, qmax = code_range(self.bits)
        return ((codes >= qmin) & (codes <= qmax)).astype(float)

    @cached_property
    def meant(self) -> np.ndarray:
        """The weight after 0, 1, … steps with that slope."""
        return self._path(literal=False)

    @cached_property
    def literal(self) -> np.ndarray:
        """The weight after 0, 1, … steps with the printed one, s everywhere."""
        return self._path(literal=True)

    @cached_property
    def flips(self) -> int:
        """How often x̃ changes in the second half of the steps, with the slope as meant."""
        late = self.rounded(self.meant)[self.steps // 2 :]
        return int(np.count_nonzero(np.diff(late)))

    @cached_property
    def share_above(self) -> float | None:
        """The share of the second half of the steps that x̃ spends above the target; None if it rests."""
        late = self.rounded(self.meant)[self.steps // 2 :]
        return None if self.flips == 0 else float(np.mean(late > self.target))

    def _path(self, *, literal: bool) -> np.ndarray:
        path = np.empty(self.steps + 1)
        path[0] = x = self.start
        for step in range(1, self.steps + 1):
            slope = self.scale if literal else float(self.slope(x))
            x -= self.learning_rate * slope * float(self.rounded(x) - self.target)
            path[step] = x
        return path
