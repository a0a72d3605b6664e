"""Observers that remember the shape of the data: a histogram, from which a range is chosen."""

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.quantization.calibration import Observer
from course_lib.quantization.checks import check_step
from course_lib.quantization.counts import PIECE, Counts, quantile
from course_lib.quantization.qparams import SMALLEST_SCALE, _affine_qparams, _symmetric_qparams
from course_lib.validate import check_int

#: Bins merged to one while the search is coarse.
COARSE = 8


class _WithHistogram(Observer):
    """An observer that keeps a histogram."""

    def __init__(
        self,
        qmin: int = -128,
        qmax: int = 127,
        symmetric: bool = False,
        *,
        bins: int = 2048,
        full_range: bool = False,
        eps: float = SMALLEST_SCALE,
    ) -> None:
        super().__init__(qmin, qmax, symmetric, full_range=full_range, eps=eps)
        check_int("bins", bins, low=2)
        self.histogram = Counts(bins, from_zero=self._of_magnitudes())
        self._dtype = torch.get_default_dtype()

    def _of_magnitudes(self) -> bool:
        """Whether the histogram is one of |x|."""
        return False

    def _observe(self, x: Tensor) -> None:
        self._dtype = x.dtype
        self.histogram.add(x.abs() if self._of_magnitudes() else x)

    def _as_range(self, low: float, high: float) -> tuple[Tensor, Tensor]:
        return torch.tensor(low, dtype=self._dtype), torch.tensor(high, dtype=self._dtype)


class Percentile(_WithHistogram):
    """The range that leaves out a given share of the values, half of it at each end.

    Parameters
    ----------
    qmin, qmax, symmetric, full_range, eps :
        As for `Observer`. If symmetric, the share is taken of the magnitudes.
    percentile : float from 50 to 100, default 99.9
        How many percent of the values lie inside.
    bins : int, default 2048

    Notes
    -----
    Within a bin, of 1/2048 to 1/1024 of the range, values count as evenly spread. The share that is clipped
    is chosen, not the error: how good it is depends on the bits and on the data.

    Examples
    --------
    >>> observer = Percentile(percentile=90.0)
    >>> observer.observe(torch.linspace(0, 100, 10001))
    >>> [round(end.item()) for end in observer.range()]
    [5, 95]
    """

    def __init__(
        self,
        qmin: int = -128,
        qmax: int = 127,
        symmetric: bool = False,
        *,
        percentile: float = 99.9,
        bins: int = 2048,
        full_range: bool = False,
        eps: float = SMALLEST_SCALE,
    ) -> None:
        super().__init__(qmin, qmax, symmetric, bins=bins, full_range=full_range, eps=eps)
        check_step("percentile", percentile)
        if not 50 <= percentile <= 100:
            raise ValueError(f"percentile must be from 50 to 100, got {percentile:g}.")
        self.percentile = percentile

    def _of_magnitudes(self) -> bool:
        return self.symmetric

    def _range(self) -> tuple[Tensor, Tensor]:
        left_out = 1 - self.percentile / 100
        edges, counts = self.histogram.edges(), self.histogram.counts
        if self.symmetric:
            limit = quantile(edges, counts, 1 - left_out)
            return self._as_range(-limit, limit)
        low, high = (quantile(edges, counts, share) for share in (left_out / 2, 1 - left_out / 2))
        return self._as_range(low, high)


class Histogram(_WithHistogram):
    """The range of least mean squared error, by a histogram of the data.

    Parameters
    ----------
    qmin, qmax, symmetric, full_range, eps :
        As for `Observer`.
    bins : int, default 2048

    Notes
    -----
    Values count as evenly spread within a bin, and the squared error is integrated exactly over each bin,
    rounding and clipping alike (see `expected_error`). Both ends are searched in turn, on ever finer grids.

    References
    ----------
    Nagel et al. 2021, arXiv:2106.08295, section 3.1. torch.ao's HistogramObserver minimises the same error.

    Examples
    --------
    >>> observer = Histogram(-1, 1, symmetric=True)  # three codes
    >>> observer.observe(torch.randn(10000, generator=torch.Generator().manual_seed(0)))
    >>> round(observer.range()[1].item(), 1)
    1.2
    """

    def _observe(self, x: Tensor) -> None:
        super()._observe(x)
        # Ones and zeros in x's own dtype: sums of booleans are several times slower.
        zeros = sum(piece.clone().eq_(0).sum().item() for piece in x.flatten().split(PIECE))
        if zeros:
            # Every grid keeps zeros, so they have no error; spread over their bin they would have some, and
            # after a ReLU they are half of the data.
            self.histogram.counts[-self.histogram.first] -= zeros

    def _range(self) -> tuple[Tensor, Tensor]:
        low, high = min(self.histogram.low, 0.0), max(self.histogram.high, 0.0)
        if low == high:
            return self._as_range(low, high)
        fine = self.histogram.edges(), self.histogram.counts
        coarse = self.histogram.coarse(COARSE)
        if self.symmetric:
            largest = limit = max(-low, high)
            searches = ((_down(10, 41), coarse), (_around(1 / 4, 33), coarse), (_around(1 / 64, 17), fine))
            for factors, histogram in searches:
                limits = (limit * factors).clamp_max(largest)
                limit = self._best(-limits, limits, histogram)[1]
            return self._as_range(-limit, limit)
        # Coarsely over both ends at once, since each is worth moving only if the other one is; then in turn.
        factors = _down(8, 11)
        lows, highs = (low * factors).unique(), (high * factors).unique()
        pairs = torch.meshgrid(lows, highs, indexing="ij")
        best = self._best(pairs[0].flatten(), pairs[1].flatten(), coarse)
        for octaves, count, histogram in ((4 / 5, 33, coarse), (1 / 16, 17, coarse), (1 / 64, 9, fine)):
            factors = _around(octaves, count)
            lows = (best[0] * factors).clamp_min(low)
            best = self._best(lows, torch.full_like(lows, best[1]), histogram)
            highs = (best[1] * factors).clamp_max(high)
            best = self._best(torch.full_like(highs, best[0]), highs, histogram)
        return self._as_range(*best)

    def _best(self, lows: Tensor, highs: Tensor, histogram: tuple[Tensor, Tensor]) -> tuple[float, float]:
        # The core without its checks, which would take as long as the search.
        if self.symmetric:
            steps = (self.qmax - self.qmin) / 2 if self.full_range else min(self.qmax, -self.qmin)
            scale, zero_point = _symmetric_qparams(lows, highs, steps, self.eps)
        else:
            scale, zero_point = _affine_qparams(lows, highs, self.qmin, self.qmax, self.eps)
        bottom, top = (self.qmin - zero_point).double(), (self.qmax - zero_point).double()
        place = int(expected_error(*histogram, scale, bottom, top).argmin())
        return lows[place].item(), highs[place].item()


def expected_error(
    edges: Float[Tensor, "borders"],
    counts: Float[Tensor, "bins"],
    scale: Float[Tensor, "grids"],
    bottom: Float[Tensor, "grids"],
    top: Float[Tensor, "grids"],
) -> Float[Tensor, "grids"]:
    """Mean squared error of several grids on a histogram, values evenly spread within each bin.

    ∫ (x − s k)² dx = s³ (k/12 + (x/s − k)³/3) up to a constant, with k = clip(round(x/s), bottom, top)

    Parameters
    ----------
    edges : Tensor, shape [bins + 1], float64
        The bins' borders, ascending. A bin may have no width.
    counts : Tensor, shape [bins], float64
    scale, bottom, top : Tensor, shape [grids], float64
        Steps, and the lowest and highest multiple of the step.

    Returns
    -------
    Tensor, shape [grids]

    Notes
    -----
    One formula serves inside and outside: outside, k stays at the end of the grid, and the cube is that of
    the distance to it. At a border between two codes both sides agree: k/12 + (1/2)³/3 = (k+1)/12 − (1/2)³/3.
    """
    width = edges.diff()
    points = width == 0
    # A sum over differences of the integral at neighbouring borders, regrouped by border (Abel): one product
    # of a vector and a matrix, in place of three passes over bins × grids.
    density = (counts / width).masked_fill_(points, 0.0)
    at_border = torch.nn.functional.pad(density, (1, 0)) - torch.nn.functional.pad(density, (0, 1))
    off = edges[:, None] / scale
    codes = off.round().clamp_(bottom, top)
    off -= codes
    total = at_border @ (off * off).mul_(off).mul_(4).add_(codes) * (scale**3 / 12)
    if points.any():
        total += counts[points] @ (scale * off[:-1][points]) ** 2
    return total / counts.sum()


@cache
def _down(octaves: int, count: int) -> Tensor:
    """Factors from 1 down by so many octaves."""
    return 2.0 ** torch.linspace(0, -octaves, count, dtype=torch.float64)


@cache
def _around(octaves: float, count: int) -> Tensor:
    """Factors about 1, so many octaves down and up."""
    return 2.0 ** torch.linspace(-octaves, octaves, count, dtype=torch.float64)
