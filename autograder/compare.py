"""Comparing an answer with a reference: the one place where tolerances are decided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from autograder.case import Case
from autograder.observation import Observation

# How many rounding errors of the reference an answer may be away. Different correct formulas differ
# by a few; the mildest misconception differs by 1e-3 of the value, which is 1e12 float64 roundings.
ROUNDINGS = 64
PROBES = 3  # random perturbations with which the conditioning is measured
EXACT = 1e-6  # for counts and fractions of them, whatever the float dtype they are returned in
_EPS = defaultdict(lambda: float(np.finfo(float).eps), bfloat16=2.0**-7, float16=2.0**-10, float32=2.0**-23)
SMALLEST = 1e-2  # below this, an array is compared absolutely (gradients that are zero in theory)


def same(got: np.ndarray, want: np.ndarray, tolerance: np.ndarray | float) -> bool:
    """Strict equality up to a tolerance: shape, size, finiteness, and every entry.

    NaN is never close to anything, an empty array equals nothing, and a tolerance is never relative
    to the answer: each of these has let wrong answers through elsewhere.
    """
    if got.shape != want.shape or got.size == 0:
        return False
    if not all(np.isfinite(values).all() for values in (got, want, tolerance)):
        return False
    return bool((_difference(got, want) <= tolerance).all())


def same_fingerprint(got: np.ndarray, want: np.ndarray, tolerance: np.ndarray | float) -> bool:
    """`same`, but for comparing with a *mistake*: non-finite entries match those of the same kind."""
    if got.shape != want.shape:
        return False
    finite = np.isfinite(got)
    if not np.array_equal(np.where(finite, 0, got), np.where(np.isfinite(want), 0, want), equal_nan=True):
        return False
    if not finite.any():
        return True
    return bool((_difference(got[finite], want[finite]) <= tolerance).all())


def _difference(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """|got − want|, exactly for whole numbers, of which float64 holds only those up to 2⁵³."""
    if got.dtype.kind in "biu" and want.dtype.kind in "biu":
        return np.where(got == want, 0.0, np.maximum(np.abs(got.astype(float) - want.astype(float)), 1.0))
    return np.abs(got.astype(float) - want.astype(float))


def tolerances(
    run: Callable[[Case], Observation], case: Case, wanted: Observation, exact: bool = False
) -> dict[str, float]:
    """How far another correct computation may be from `wanted`, for each array.

    tolerance = ROUNDINGS · (eps · √N · max|wanted| + the change under perturbations of the inputs by eps)

    with eps of the inputs' dtype or the result's, the coarser one, and N the number of input entries. Where a
    case says that larger numbers than the result are met on the way, its magnitude replaces max|wanted|. The
    second term is the condition number at work: where rounding an input moves the result, no
    implementation can be held to more. It is measured on the reference alone, never on the answer.
    """
    eps, size = _precision(case)
    spread = dict.fromkeys(wanted.arrays, 0.0)
    if not exact:
        rng = np.random.default_rng(0)
        for _ in range(PROBES):
            moved = run(replace(case, inputs=_perturbed(case.inputs, eps, rng)))
            for name, array in wanted.arrays.items():
                other = moved.arrays.get(name)
                if other is not None and other.shape == array.shape and array.dtype.kind == "f":
                    change = np.abs(other - array, dtype=float)
                    spread[name] = max(spread[name], float(np.max(change[np.isfinite(change)], initial=0)))
    result = {}
    for name, array in wanted.arrays.items():
        if array.dtype.kind != "f" or exact:
            result[name] = EXACT if exact else 0.0
            continue
        largest = float(np.max(np.abs(array[np.isfinite(array)]), initial=0.0))
        coarser = max(eps, _EPS[wanted.dtypes.get(name, str(array.dtype))])
        largest = max(largest, SMALLEST, case.private.get("magnitude", 0.0))
        result[name] = ROUNDINGS * (coarser * float(np.sqrt(size)) * largest + spread[name])
    return result


def _precision(case: Case) -> tuple[float, int]:
    floats = [v for v in case.inputs.values() if isinstance(v, np.ndarray) and v.dtype.kind == "f"]
    eps = max((float(np.finfo(v.dtype).eps) for v in floats), default=float(np.finfo(float).eps))
    return eps, max((v.size for v in floats), default=1)


def _perturbed(inputs: Mapping[str, object], eps: float, rng: np.random.Generator) -> dict[str, object]:
    """Each float moved by about one rounding, relative to itself."""

    def move(value: object) -> object:
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            return np.asarray(value * (1 + eps * rng.choice([-1.0, 1.0], value.shape)), dtype=value.dtype)
        if isinstance(value, float):
            return value * (1 + eps * rng.choice([-1.0, 1.0]))
        return value

    return {name: move(value) for name, value in inputs.items()}


def rescaled(tolerance: float, wanted: np.ndarray, other: np.ndarray) -> float:
    """The tolerance of a reference's result, for an array of another size: a mistake's, a step's."""
    if wanted.dtype.kind != "f" or other.dtype.kind != "f":
        return tolerance
    finite = np.abs(other[np.isfinite(other)])
    return tolerance * max(1.0, float(finite.max(initial=0)) / max(float(np.abs(wanted).max()), SMALLEST))
