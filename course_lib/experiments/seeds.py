"""What several seeds say: their mean, and how far it can be trusted."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Mean of two values or more, and the standard error of that mean."""
    return statistics.mean(values), statistics.stdev(values) / math.sqrt(len(values))
