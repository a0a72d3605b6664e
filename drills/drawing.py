"""Drawing values for the names in a card, from a seed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random

from drills.schema import Quantity


def draw(quantities: Mapping[str, Quantity], seed: int) -> dict[str, float | tuple[float, ...]]:
    """Draw a value for each name.

    Each name has its own stream of random numbers, so that a value does not change when a card gets one
    more name; and the same seed gives the same values with every version of Python.

    Parameters
    ----------
    quantities : mapping
        Of each name to the values that it may take.
    seed : int
        Two sittings with one seed pose the same question.

    Returns
    -------
    dict
        A float for each name, or a tuple of floats for a vector.
    """
    return {name: _value(quantity, Random(f"{seed} {name}")) for name, quantity in quantities.items()}


def _value(quantity: Quantity, random: Random) -> float | tuple[float, ...]:
    if quantity.length is None:
        return _number(quantity, random)
    return tuple(_number(quantity, random) for _ in range(quantity.length))


def _number(quantity: Quantity, random: Random) -> float:
    # `random()` alone is the same in every version of Python; `choice` and `randint` need not be.
    if quantity.among is not None:
        return float(quantity.among[int(random.random() * len(quantity.among))])
    if quantity.integers is not None:
        low, high = quantity.integers
        return float(low + int(random.random() * (high - low + 1)))
    assert quantity.between is not None  # the schema wants one of the three
    start, end = quantity.between
    if quantity.log:
        value = math.exp(math.log(start) + random.random() * (math.log(end) - math.log(start)))
    else:
        value = start + random.random() * (end - start)
    return min(max(_rounded(value, quantity.digits), start), end)


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits - 1}e}")
