"""Named rows of numbers, as line and bar charts take them, checked in one place."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

#: Numbers in any one-dimensional container: a list, an array, a tensor.
Numbers = Sequence[float] | np.ndarray | Any


def as_row(name: str, values: Numbers, length: int | None = None) -> np.ndarray:
    """Return numbers as a float64 vector.

    Parameters
    ----------
    name : str
        The argument's name, for messages.
    values : sequence, array or Tensor of numbers
        NaN is a gap.
    length : int, optional
        How many there must be.

    Returns
    -------
    ndarray, shape [length]

    Raises
    ------
    ValueError
        If it is no non-empty vector of numbers, or one of another length.
    """
    expected = f"{name} must be a row of {'' if length is None else f'{length} '}numbers"
    try:
        row = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{expected}, got {type(values).__name__}.") from error
    if row.ndim != 1 or row.size == 0 or (length is not None and row.size != length):
        raise ValueError(f"{expected}, got shape {list(row.shape)}.")
    return row


def as_rows(name: str, series: Mapping[str, Numbers], length: int) -> dict[str, np.ndarray]:
    """Return every row of a mapping from names to numbers as a float64 vector of one length.

    Raises
    ------
    ValueError
        If a row is no vector of ``length`` numbers, or there is none.
    """
    if not series:
        raise ValueError(f"{name} must hold at least one named row of numbers, got none.")
    return {key: as_row(f"{name}[{key!r}]", values, length) for key, values in series.items()}


def as_errors(
    name: str, errors: Mapping[str, Numbers] | None, series: Mapping[str, np.ndarray], length: int
) -> dict[str, np.ndarray]:
    """Return the half-lengths of error bars, which only rows of ``series`` may have.

    Raises
    ------
    ValueError
        If a name is not in ``series``, or a row does not fit or holds a negative number.
    """
    if not errors:
        return {}
    strangers = sorted(set(errors) - set(series))
    if strangers:
        raise ValueError(f"{name} must name rows of series ({', '.join(series)}), got {strangers[0]!r}.")
    rows = as_rows(name, errors, length)
    for key, row in rows.items():
        if (row < 0).any():
            raise ValueError(f"{name}[{key!r}] must not be negative, got {row.min():.4g}.")
    return rows
