"""Answers that know nothing, but have the right form: whatever they are given points for is a hole."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from autograder.exercise import Exercise
from autograder.misconception import Function
from autograder.observers import LearnerTestObserver

Fill = Callable[[np.ndarray], np.ndarray]


def impostors(exercise: Exercise, seed: int = 0) -> dict[str, Function]:
    """The stub, and answers of zeros, ones and random numbers in the reference's shapes.

    For a class, the results of its methods and its attributes are replaced; a test accepts all, rejects
    all, or decides by a coin.
    """
    rng = np.random.default_rng(seed)
    if isinstance(exercise.runner, LearnerTestObserver):
        return {
            "the stub": _stub,
            "a test that accepts everything": lambda implementation: None,
            "a test that rejects everything": lambda implementation: _reject(True),
            "a test that tosses a coin": lambda implementation: _reject(rng.random() < 0.5),
        }
    fills: dict[str, Fill] = {
        "zeros": np.zeros_like,
        "ones": np.ones_like,
        "random numbers": lambda array: _random(array, rng),
    }
    imitate = _imitated_class if inspect.isclass(exercise.reference) else _imitated_function
    return {"the stub": _stub} | {name: imitate(exercise.reference, fill) for name, fill in fills.items()}


def _stub(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError


def _reject(rejected: bool) -> None:
    if rejected:
        raise AssertionError("rejected")


def _random(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if array.dtype.kind == "f":
        return np.asarray(rng.normal(size=array.shape), dtype=array.dtype)
    # Within the range of the right numbers, so that a coin is a fair guess of a choice.
    top = int(array.max(initial=0)) + 1 if array.dtype.kind != "b" else 1
    return np.asarray(rng.integers(0, top, size=array.shape, endpoint=True), dtype=array.dtype)


def _filled(value: Any, fill: Fill) -> Any:
    if isinstance(value, tuple | list):
        return tuple(_filled(one, fill) for one in value)
    if isinstance(value, torch.Tensor):
        return torch.from_numpy(fill(value.detach().numpy()))
    if isinstance(value, np.ndarray | np.generic):
        return fill(np.asarray(value))
    return type(value)(fill(np.asarray(value))) if isinstance(value, bool | int | float) else value


def _imitated_function(reference: Function, fill: Fill) -> Function:
    return lambda **inputs: _filled(reference(**inputs), fill)


def _imitated_class(reference: Function, fill: Fill) -> Function:
    class Imitation:
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self._right = reference(*args, **kwargs)

        def __getattr__(self, name: str) -> Any:
            value = getattr(self._right, name)
            if not callable(value) or isinstance(value, torch.Tensor):
                return _filled(value, fill)
            return lambda *args, **kwargs: _filled(value(*args, **kwargs), fill)

    return Imitation
