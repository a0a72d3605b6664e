"""From an exercise and a seed to the cases that an answer is run on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from autograder.case import Case
from autograder.exercise import CaseSpec, Exercise
from autograder.observation import GRADIENT, Observation
from autograder.observers import observe, trusting


@lru_cache(maxsize=64)
def cases(
    exercise: Exercise, seed: int = 0, *, dtype: str = "float64", hidden: bool = False
) -> tuple[Case, ...]:
    """The cases of `exercise` for `seed`, in the order in which they are tried.

    Everything random comes from `seed` and the case's position. Cotangents are drawn here too: one
    for each floating output of the reference.
    """
    return tuple(
        _make(exercise, spec, np.random.default_rng([seed, index]), dtype, hidden)
        for index, spec in enumerate(exercise.cases)
    )


def run_right(exercise: Exercise, answer: Any, case: Case) -> Observation:
    """Run code of ours on a case: without time limit, and free to call the references."""
    return observe(trusting(exercise.runner), answer, case, exercise.remote(case))


def _make(exercise: Exercise, spec: CaseSpec, rng: np.random.Generator, dtype: str, hidden: bool) -> Case:
    inputs = {name: _typed(value, dtype) for name, value in spec.make(rng).items()}
    private = {**spec.private, "complaint": spec.complaint, "magnitude": spec.magnitude}
    case = Case(spec.name, inputs, group=spec.group, private=private, hidden=hidden)
    cotangents = _cotangents(exercise, case, rng)
    return replace(case, cotangents=cotangents if spec.gradients else {})


def _typed(value: Any, dtype: str) -> Any:
    """An array, floats in `dtype`, or a JSON value exactly as another process would receive it."""
    if isinstance(value, np.ndarray | np.generic):
        return np.asarray(value, dtype=dtype if value.dtype.kind == "f" else None)
    return json.loads(json.dumps(value))


def _cotangents(exercise: Exercise, case: Case, rng: np.random.Generator) -> Mapping[str, np.ndarray]:
    wanted = run_right(exercise, exercise.reference, case)
    if wanted.error:
        raise ValueError(f"the reference of {exercise.id} fails on case {case.name!r}: {wanted.error}")
    return {
        name: np.asarray(rng.normal(size=array.shape), dtype=array.dtype)
        for name, array in wanted.arrays.items()
        if array.dtype.kind == "f" and not name.startswith(GRADIENT)
    }
