"""Observers: they watch calibration data go by, and then say which grid to lay over it.

Each has ``observe(x)``, to be called once per batch, and ``qparams()``. Those here keep two numbers; those
that keep a histogram are in `histogram` and `entropy`.
"""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.quantization.checks import check_axis, check_code_range, check_step, check_values
from course_lib.quantization.qparams import SMALLEST_SCALE, QParams, affine_qparams


class Observer(ABC):
    """What all observers share: the codes, and a range that becomes scale and zero point.

    Parameters
    ----------
    qmin, qmax : int
        The codes.
    symmetric : bool, default False
        As for `affine_qparams`.
    full_range : bool, default False
        As for `affine_qparams`; True gives torch.ao's symmetric scales.
    eps : float
        The smallest scale.

    Raises
    ------
    TypeError, ValueError
        If the codes are no range.
    """

    def __init__(
        self,
        qmin: int = -128,
        qmax: int = 127,
        symmetric: bool = False,
        *,
        full_range: bool = False,
        eps: float = SMALLEST_SCALE,
    ) -> None:
        check_code_range(qmin, qmax)
        check_step("eps", eps)
        if symmetric and qmin >= 0:
            raise ValueError(f"symmetric codes need a negative half, got qmin = {qmin} and qmax = {qmax}.")
        self.qmin, self.qmax, self.symmetric = qmin, qmax, symmetric
        self.full_range, self.eps = full_range, eps
        self.batches = 0

    def observe(self, x: Float[Tensor, "*shape"]) -> None:
        """Take note of one batch of calibration data.

        Parameters
        ----------
        x : Tensor, any shape, float32 or float64

        Raises
        ------
        TypeError, ValueError
            If ``x`` is empty or not finite: one infinity would be the range of all that follows.
        """
        check_values("x", x)
        self._observe(x.detach())
        self.batches += 1

    def range(self) -> tuple[Float[Tensor, "*channels"], Float[Tensor, "*channels"]]:
        """Give the range that the codes are to cover.

        Returns
        -------
        (Tensor, Tensor)
            Its lower and upper end.

        Raises
        ------
        RuntimeError
            If nothing was observed.
        """
        if self.batches == 0:
            raise RuntimeError(
                f"{type(self).__name__} has observed nothing yet: call observe(x) on calibration data first."
            )
        return self._range()

    def qparams(self) -> QParams:
        """Give scale and zero point for what was observed.

        Returns
        -------
        QParams

        Raises
        ------
        RuntimeError
            If nothing was observed.
        """
        low, high = self.range()
        return affine_qparams(
            low, high, self.qmin, self.qmax, self.symmetric, full_range=self.full_range, eps=self.eps
        )

    @abstractmethod
    def _observe(self, x: Tensor) -> None:
        """Take note of a checked batch."""

    @abstractmethod
    def _range(self) -> tuple[Tensor, Tensor]:
        """Give the range of what was observed."""


class MinMax(Observer):
    """The smallest and the largest value ever seen.

    Parameters
    ----------
    qmin, qmax, symmetric, full_range, eps :
        As for `Observer`.
    axis : int, optional
        Keep one range for each channel along this axis.

    Notes
    -----
    Nothing is clipped, so one stray value stretches the steps of all others.

    Examples
    --------
    >>> observer = MinMax(0, 255)
    >>> observer.observe(torch.tensor([0.0, 1.0]))
    >>> observer.observe(torch.tensor([-0.5, 0.5]))
    >>> observer.range()
    (tensor(-0.5000), tensor(1.))
    """

    def __init__(
        self,
        qmin: int = -128,
        qmax: int = 127,
        symmetric: bool = False,
        *,
        axis: int | None = None,
        full_range: bool = False,
        eps: float = SMALLEST_SCALE,
    ) -> None:
        super().__init__(qmin, qmax, symmetric, full_range=full_range, eps=eps)
        self.axis = axis
        self._ends: tuple[Tensor, Tensor] | None = None

    def _observe(self, x: Tensor) -> None:
        low, high = _ends_of(x, self.axis)
        if self._ends is None:
            self._ends = low, high
        elif self._ends[0].shape != low.shape:
            raise ValueError(
                f"x must have the {len(self._ends[0])} channels of the batches before, got {len(low)}."
            )
        else:
            self._ends = self._combine(self._ends, (low, high))

    def _combine(self, old: tuple[Tensor, Tensor], new: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        return torch.minimum(old[0], new[0]), torch.maximum(old[1], new[1])

    def _range(self) -> tuple[Tensor, Tensor]:
        assert self._ends is not None
        return self._ends


class MovingAverage(MinMax):
    """Averages of the batches' smallest and largest values, in which old batches fade.

    x_min ← x_min + c · (min of the batch − x_min), and x_max likewise; the first batch sets both

    Parameters
    ----------
    qmin, qmax, symmetric, axis, full_range, eps :
        As for `MinMax`.
    averaging : float from 0 to 1, default 0.01
        c, the share of the newest batch; torch.ao's value.

    Notes
    -----
    Meant for training, where the range drifts. After few batches it is still the first batch's range: with
    c = 0.01 that one weighs 0.99ⁿ after n more.

    Examples
    --------
    >>> observer = MovingAverage(averaging=0.5)
    >>> for high in (1.0, 3.0):
    ...     observer.observe(torch.tensor([0.0, high]))
    >>> observer.range()
    (tensor(0.), tensor(2.))
    """

    def __init__(
        self,
        qmin: int = -128,
        qmax: int = 127,
        symmetric: bool = False,
        *,
        averaging: float = 0.01,
        axis: int | None = None,
        full_range: bool = False,
        eps: float = SMALLEST_SCALE,
    ) -> None:
        super().__init__(qmin, qmax, symmetric, axis=axis, full_range=full_range, eps=eps)
        check_step("averaging", averaging)
        if averaging > 1:
            raise ValueError(f"averaging must be at most 1, got {averaging:g}.")
        self.averaging = averaging

    def _combine(self, old: tuple[Tensor, Tensor], new: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        low, high = (one + self.averaging * (other - one) for one, other in zip(old, new, strict=True))
        return low, high


def _ends_of(x: Tensor, axis: int | None) -> tuple[Tensor, Tensor]:
    if axis is None:
        low, high = torch.aminmax(x)
        return low, high
    check_axis("axis", axis, x)
    channels = x.movedim(axis, 0).reshape(x.shape[axis], -1)
    return channels.amin(dim=1), channels.amax(dim=1)
