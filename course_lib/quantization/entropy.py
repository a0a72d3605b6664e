"""The observer of TensorRT: the range whose codes keep the distribution's shape."""

import torch
from torch import Tensor

from course_lib.quantization.histogram import _WithHistogram

#: Limits that are tried: at most so many, evenly from as many bins as there are levels to all of them.
CANDIDATES = 256

#: What stands for 0 in Q, as a part of the average bin.
SMALLEST = 1e-4


class Entropy(_WithHistogram):
    """The symmetric limit whose quantized distribution has the least divergence from the true one.

    argmin over c of KL(P_c ‖ Q_c): P_c is the histogram of |x| up to c, what lies beyond added to the last
    bin; Q_c is the same histogram merged into the levels and spread out again over its filled bins

    Parameters
    ----------
    qmin, qmax, symmetric, full_range, eps :
        As for `Observer`. If not symmetric, the range is [−c, c] cut to that of the data.
    bins : int, default 2048

    Notes
    -----
    As published it is for int8, and for few bits its choice has little to do with the error: compare it with
    `Histogram` before you trust it. Only bins that P fills count in the divergence. Q can be 0 there in the
    last bin alone, which holds the clipped values: it counts as 1/10,000 of an average bin, as in MXNet,
    since an infinite divergence would forbid every limit in a gap of the data. The bin at 0 counts as its
    neighbour, as at NVIDIA: after a ReLU the zeros, which any grid keeps, would decide everything.

    References
    ----------
    Migacz 2017, *8-bit inference with TensorRT*, NVIDIA GTC.

    Examples
    --------
    >>> observer = Entropy(symmetric=True)
    >>> observer.observe(torch.randn(100_000, generator=torch.Generator().manual_seed(0)))
    >>> 3 < observer.range()[1].item() < 4.6
    True
    """

    _low = _high = 0.0

    def _of_magnitudes(self) -> bool:
        return True

    def _observe(self, x: Tensor) -> None:
        low, high = (end.item() for end in torch.aminmax(x))
        self._low, self._high = min(self._low, low), max(self._high, high)
        super()._observe(x)

    def _range(self) -> tuple[Tensor, Tensor]:
        limit = self._limit()
        if self.symmetric:
            return self._as_range(-limit, limit)
        return self._as_range(max(self._low, -limit), min(self._high, limit))

    def _limit(self) -> float:
        edges, counts = self.histogram.edges(), self.histogram.counts
        # Of the codes, those that magnitudes have to share: half of them, unless all values have one sign.
        one_sign = not self.symmetric and (self._low == 0 or self._high == 0)
        levels = self.qmax - self.qmin if one_sign else max(1, (self.qmax - self.qmin) // 2)
        if len(counts) <= levels:
            return edges[-1].item()
        if len(counts) > 1:
            counts = torch.cat([counts[1:2], counts[1:]])
        step = max(1, (len(counts) - levels) // CANDIDATES)
        sizes = range(len(counts), levels - 1, -step)  # of equally good ones the widest
        return edges[min(sizes, key=lambda size: _divergence(counts, size, levels))].item()


def _divergence(counts: Tensor, size: int, levels: int) -> float:
    """KL divergence of the first ``size`` bins from themselves in ``levels`` levels, the tail in the last."""
    inside = counts[:size]
    filled = inside > 0
    level = torch.arange(size) * levels // size
    mass, members = (
        torch.zeros(levels, dtype=torch.float64).index_add_(0, level, values)
        for values in (inside, filled.double())
    )
    q = torch.where(filled, mass[level] / members[level].clamp_min(1), 0.0)
    p = inside.clone()
    p[-1] += counts[size:].sum()
    if q.sum() == 0:
        return float("inf")
    p, q = p / p.sum(), q / q.sum()
    some = p > 0
    return float((p[some] * (p[some] / q[some].clamp_min(SMALLEST / size)).log()).sum())
