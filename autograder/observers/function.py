"""Observe a function: its outputs, and its gradients under the case's cotangents."""

from __future__ import annotations

import contextlib
import copy
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from autograder.case import Case
from autograder.observation import GRADIENT, ROOM, Observation
from autograder.observers.arrays import NotAnArray, to_numpy, to_torch, with_article
from autograder.observers.capture import captured, note


@dataclass(frozen=True)
class FunctionObserver:
    """Call the answer with a case's inputs by keyword; observe outputs and gradients.

    Parameters
    ----------
    arrays : {"torch", "numpy"}
        What the answer is given.
    outputs : tuple of str
        The names of what it returns, in order: one value, or a tuple of several.
    gradients_of : tuple of str
        The inputs with respect to which Σ cotangent · output is differentiated (torch only).
    watch : tuple of str
        Functions that the answer is asked to write itself: ``"module:qualname"`` for Python
        functions, the bare name for built-in ones.
    seconds : float or None
        The time limit of one call.
    intermediates : bool
        Whether the answer's local variables are noted as well.
    room : str
        The name of an input that is not handed on: how many numbers may be alive at once in tensors that
        the answer makes, gradients included. Whether it kept to that is observed as `ROOM`.
    called_by : str
        A module of this package whose ``call(answer, inputs)`` calls the answer with what it makes of the
        inputs (``"encoders"``, ``"ranks"``), and returns the answer's result and gradients by name.
    """

    kind: ClassVar[str] = "function"
    arrays: str = "torch"
    outputs: tuple[str, ...] = ("value",)
    gradients_of: tuple[str, ...] = ()
    watch: tuple[str, ...] = ()
    seconds: float | None = 5.0
    intermediates: bool = True
    room: str = ""
    called_by: str = ""

    def observe(self, answer: Callable[..., Any], case: Case, remote: Any = None) -> Observation:
        """Run `answer` once on `case`."""
        seen = Observation()
        with captured(seen, answer, self.seconds, self.watch, inside=self.intermediates):
            leaves = {name: self._give(name, value) for name, value in case.inputs.items()}
            # The answer gets copies of the leaves, on which an in-place operation is legal for torch:
            # it is then reported as what it is, a changed argument.
            given = {
                name: leaf.clone() if name in self.gradients_of else leaf for name, leaf in leaves.items()
            }
            allowed = given.pop(self.room, None)
            with _holding(allowed) as held:
                result, gradients = self._call(answer, given)
                values = self._name(result)
                for name, value in values.items():
                    note(seen, name, value)
                if self.gradients_of and case.cotangents:
                    gradients = self._gradients(values, leaves, case)
            seen.arrays |= {GRADIENT + name: gradient for name, gradient in gradients.items()}
            if held is not None:
                note(seen, ROOM, int(held.most <= allowed))
            seen.error = _mutation(given, case)
        return seen

    def _give(self, name: str, value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return copy.deepcopy(value)
        if self.arrays == "torch":
            return to_torch(value, requires_grad=name in self.gradients_of)
        return value.copy()

    def _call(self, answer: Callable[..., Any], given: dict[str, Any]) -> tuple[Any, dict[str, np.ndarray]]:
        if not self.called_by:
            return answer(**given), {}
        caller = importlib.import_module(f"autograder.observers.{self.called_by}")
        result, gradients = caller.call(answer, given)
        return result, {name: to_numpy(gradient)[0] for name, gradient in gradients.items()}

    def _name(self, result: Any) -> dict[str, Any]:
        if len(self.outputs) == 1:
            return {self.outputs[0]: result}
        if not isinstance(result, tuple | list):
            raise NotAnArray(with_article(result))
        if len(result) != len(self.outputs):
            raise NotAnArray(f"{len(result)} value{'' if len(result) == 1 else 's'}")
        return dict(zip(self.outputs, result, strict=True))

    def _gradients(self, values: dict[str, Any], leaves: dict[str, Any], case: Case) -> dict[str, np.ndarray]:
        import torch

        wanted = [leaves[name] for name in self.gradients_of]
        weighted = [
            (value, to_torch(case.cotangents[name]))
            for name, value in values.items()
            if name in case.cotangents
            and isinstance(value, torch.Tensor)
            and value.requires_grad
            and value.shape == case.cotangents[name].shape
        ]
        found: tuple[Any, ...] = (None,) * len(wanted)
        if weighted:
            with torch.enable_grad():  # which the answer may have switched off
                total = sum((value * cotangent).sum() for value, cotangent in weighted)
            found = torch.autograd.grad(total, wanted, allow_unused=True)
        # An input that the outputs do not depend on has gradient zero: that is what is observed.
        return {
            name: (torch.zeros_like(tensor) if grad is None else grad).detach().numpy().copy()
            for name, tensor, grad in zip(self.gradients_of, wanted, found, strict=True)
        }


@contextlib.contextmanager
def _holding(allowed: int | None) -> Iterator[Any]:
    if allowed is None:
        yield None
        return
    from autograder.observers.room import Held

    with Held() as held:
        yield held


def _mutation(given: dict[str, Any], case: Case) -> dict[str, Any] | None:
    for name, value in given.items():
        before = case.inputs[name]
        kept = (
            np.array_equal(to_numpy(value)[0], before, equal_nan=before.dtype.kind == "f")
            if isinstance(before, np.ndarray)
            else value == before
        )
        if not kept:
            return {"kind": "mutated", "argument": name}
    return None
