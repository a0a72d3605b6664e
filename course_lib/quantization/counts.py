"""A histogram of a stream, and what can be read from it."""

import math

import torch
from torch import Tensor

#: Values counted at a time: the temporaries stay in the cache, which halves the time.
PIECE = 2**15


class Counts:
    """A histogram of a stream whose range is not known beforehand.

    Bin k holds the values from k·width to (k + 1)·width, with a width that is a power of two. When the bins
    no longer suffice the width doubles and neighbours are merged, exactly: the histogram is the same whatever
    the order in which the data came, and however it was cut into batches.

    Parameters
    ----------
    bins : int
        The most that are kept.
    from_zero : bool, default False
        Begin at 0 whatever comes: for magnitudes.
    """

    def __init__(self, bins: int, *, from_zero: bool = False) -> None:
        self.bins = bins
        self.exponent: int | None = None  # of the width, 2^exponent
        self.first = 0  # index k of the first bin
        self.counts = torch.zeros(0, dtype=torch.float64)
        self.low, self.high = (0.0, 0.0) if from_zero else (math.inf, -math.inf)

    def add(self, x: Tensor) -> None:
        """Count the values of a finite, non-empty tensor."""
        x = x.flatten()
        low, high = (end.item() for end in torch.aminmax(x))
        self.low, self.high = min(self.low, low), max(self.high, high)
        self._make_room()
        assert self.exponent is not None
        for piece in x.split(PIECE) if len(x) > PIECE else (x,):
            # Exact in float32 too: scaling by a power of two, and then a difference of neighbours.
            place = (piece * 2.0**-self.exponent).floor_().sub_(self.first).to(torch.int32)
            self.counts += torch.bincount(place, minlength=len(self.counts))

    def edges(self) -> Tensor:
        """The bins' borders, one more than there are bins; the outer ones at the outermost values."""
        assert self.exponent is not None
        edges = torch.arange(self.first, self.first + len(self.counts) + 1, dtype=torch.float64)
        return (edges * 2.0**self.exponent).clamp(self.low, self.high)

    def coarse(self, merge: int) -> tuple[Tensor, Tensor]:
        """Edges and counts of the histogram with so many neighbours merged to one."""
        edges, counts = self.edges(), self.counts
        spare = -len(counts) % merge
        counts = torch.cat([counts, counts.new_zeros(spare)])
        edges = torch.cat([edges, edges[-1:].expand(spare)])
        return edges[::merge], counts.unflatten(0, (-1, merge)).sum(dim=1)

    def _make_room(self) -> None:
        exponent = self.exponent
        if exponent is None:
            # Not below float32's own steps: the data has nothing finer.
            size = max(self.high - self.low, max(abs(self.low), abs(self.high)) * 2.0**-23, 2.0**-100)
            exponent = math.ceil(math.log2(size / self.bins))
        first, last = self._span(exponent)
        while last - first >= self.bins:
            exponent += 1
            first, last = self._span(exponent)
        if exponent == self.exponent and (first, last) == (self.first, self.first + len(self.counts) - 1):
            return
        fresh = torch.zeros(last - first + 1, dtype=torch.float64)
        if self.exponent is not None:
            merged = (torch.arange(len(self.counts)) + self.first) >> (exponent - self.exponent)
            fresh.index_add_(0, merged - first, self.counts)
        self.exponent, self.first, self.counts = exponent, first, fresh

    def _span(self, exponent: int) -> tuple[int, int]:
        return tuple(math.floor(math.ldexp(end, -exponent)) for end in (self.low, self.high))  # type: ignore[return-value]


def quantile(edges: Tensor, counts: Tensor, share: float) -> float:
    """Give the value below which a share of a histogram lies, values evenly spread within each bin."""
    below = torch.cat([counts.new_zeros(1), counts.cumsum(0)]) / counts.sum()
    # From the flat stretch of empty bins, the end nearer to the data.
    right = int(torch.searchsorted(below, torch.tensor(share, dtype=torch.float64)))
    if right == 0:
        return edges[0].item()
    right = min(right, len(counts))
    part = (share - below[right - 1]) / (below[right] - below[right - 1])
    return (edges[right - 1] + part.clamp(0, 1) * (edges[right] - edges[right - 1])).item()
