"""Slips that can happen with any number: the sign, the decimal point, bits for bytes, GB for GiB."""

from __future__ import annotations

import math

CLOSE = 0.01  # relative, for what was rounded; 1.024 is 2.4 % from 1


def slip(number: float, answer: float, unit: str) -> str:
    """Which slip turns an answer into a number; empty if none does.

    Parameters
    ----------
    number, answer : float
        What was typed, and what is right.
    unit : str
        Of the answer: some slips happen with some units only.
    """
    if not (number and answer):
        return ""
    ratio = number / answer
    if not math.isfinite(ratio) or ratio == 0:
        return ""
    if _near(ratio, -1):
        return "The size is right, the sign is not."
    powers = round(math.log10(abs(ratio)))
    if ratio > 0 and powers and _near(ratio, 10.0**powers):
        if "%" in unit and abs(powers) == 2:
            return "That is off by a factor of 100: a share, or a percentage of a percentage?"
        side = "large" if powers > 0 else "small"
        return f"Too {side} by a factor of {10 ** abs(powers):,}: the decimal point, or a prefix of the unit."
    return _of_unit(ratio, unit)


def _of_unit(ratio: float, unit: str) -> str:
    if "B" in unit or "byte" in unit or "bit" in unit:
        for power in range(1, 5):
            if _near(ratio, 1.024**power) or _near(ratio, 1.024**-power):
                return f"That mixes 1000 and 1024: the answer is in {unit}."
            if _near(ratio, 1024.0**power) or _near(ratio, 1024.0**-power):
                return f"Off by a factor of {1024**power:,}: the answer is in {unit}."
        if _near(ratio, 8) or _near(ratio, 1 / 8):
            return "Off by a factor of 8: bits and bytes are mixed up."
    if unit in ("nats", "bits") and (_near(ratio, math.log(2)) or _near(ratio, 1 / math.log(2))):
        return f"That mixes nats and bits, the natural and the binary logarithm: the answer is in {unit}."
    return ""


def _near(ratio: float, other: float) -> bool:
    return math.isclose(ratio, other, rel_tol=CLOSE)
