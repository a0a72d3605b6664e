"""Observe a class: a script of steps is played on one instance, and every result is noted."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from autograder.case import Case
from autograder.observation import GRADIENT, Observation
from autograder.observers.arrays import NotAnArray, to_torch, with_article
from autograder.observers.capture import captured, note


@dataclass(frozen=True)
class StateObserver:
    """Play ``case.inputs["script"]`` on one instance of the answer, a class.

    A script is a list of steps, each a list that begins with its verb:

    ``["new", {arguments}]``
        Make the instance.
    ``["call", method, {arguments}]``
        Call a method; what it returns (if anything) is observed as ``"<step> <method>"``.
    ``["call", method, {arguments}, [names]]``
        Call a method that returns several results, a tuple; each is observed as ``"<step> <name>"``.
    ``["get", attribute]``
        Observe an attribute, as ``"<step> <attribute>"``.
    ``["backward", [attributes]]``
        Differentiate the last result, under the cotangent of its name, with respect to
        attributes of the instance; observed as ``"gradient with respect to <step> <attribute>"``.
    ``["same", attribute]``
        Whether the attribute is still the object that the last ``get`` of it saw, as an optimizer that
        holds on to a parameter needs; observed as ``"<step> <attribute> is the same object"``.

    An argument ``"$name"`` stands for the case's input `name`. Steps are numbered from 1.

    Parameters
    ----------
    watch, seconds :
        See `FunctionObserver`.
    dtype : {"float32", "float64"}
        Torch's default dtype meanwhile: in it a class makes its own parameters. In float64 its results can
        be held to tight tolerances.
    """

    kind: ClassVar[str] = "state"
    watch: tuple[str, ...] = ()
    seconds: float | None = 5.0
    dtype: str = "float32"

    def observe(self, answer: Callable[..., Any], case: Case, remote: Any = None) -> Observation:
        """Run `answer` once through the script of `case`."""
        import torch

        seen = Observation()
        with captured(seen, answer, self.seconds, self.watch):
            torch.set_default_dtype(getattr(torch, self.dtype))  # put back on leaving `captured`
            given = {name: to_torch(copy.deepcopy(value)) for name, value in case.inputs.items()}
            _play(answer, given, case, seen)
        return seen


def _play(answer: Callable[..., Any], given: dict[str, Any], case: Case, seen: Observation) -> None:
    instance: Any = None
    last: tuple[str, Any] = ("", None)
    got: dict[str, Any] = {}
    for number, (verb, *rest) in enumerate(given["script"], start=1):
        if verb == "new":
            instance = answer(**_arguments(rest[0], given))
        elif verb == "call":
            result = getattr(instance, rest[0])(**_arguments(rest[1] if rest[1:] else {}, given))
            last = (f"{number} {rest[0]}", result)
            if rest[2:]:
                for name, part in zip(rest[2], _several(result, rest[2], last[0]), strict=True):
                    note(seen, f"{number} {name}", part)
            elif result is not None:
                note(seen, *last)
        elif verb == "get":
            got[rest[0]] = getattr(instance, rest[0])
            last = (f"{number} {rest[0]}", got[rest[0]])
            note(seen, *last)
        elif verb == "same":
            note(seen, f"{number} {rest[0]} is the same object", getattr(instance, rest[0]) is got[rest[0]])
        elif verb == "backward":
            for attribute, gradient in _gradients(last, instance, rest[0], case).items():
                seen.arrays[f"{GRADIENT}{number} {attribute}"] = gradient
        else:
            raise ValueError(f"unknown step {verb!r} in the script of case {case.name!r}")


def _several(result: Any, names: list[str], what: str) -> tuple[Any, ...] | list[Any]:
    if isinstance(result, tuple | list) and len(result) == len(names):
        return result
    several = isinstance(result, tuple | list)
    error = NotAnArray(f"{len(result)} value{'s'[: len(result) != 1]}" if several else with_article(result))
    error.output = what
    raise error


def _arguments(named: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    return {
        name: given[value[1:]] if isinstance(value, str) and value.startswith("$") else value
        for name, value in named.items()
    }


def _gradients(
    last: tuple[str, Any], instance: Any, attributes: list[str], case: Case
) -> dict[str, np.ndarray]:
    import torch

    name, result = last
    tensors = {attribute: getattr(instance, attribute) for attribute in attributes}
    for attribute, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            error = NotAnArray(with_article(tensor))
            error.output = attribute
            raise error
    weights = to_torch(case.cotangents.get(name))
    leaves = [tensor for tensor in tensors.values() if tensor.requires_grad]
    found: dict[Any, Any] = {}
    if leaves and isinstance(result, torch.Tensor) and result.requires_grad:
        with torch.enable_grad():  # which the answer may have switched off
            if weights is None:
                loss = result.sum()
            elif weights.shape == result.shape:
                loss = (result * weights).sum()
            else:
                loss = None  # of a wrong shape, which is said already
        if loss is not None:
            grads = torch.autograd.grad(loss, leaves, allow_unused=True, retain_graph=True)
            found = dict(zip(map(id, leaves), grads, strict=True))
    return {
        attribute: (torch.zeros_like(tensor) if grad is None else grad).detach().numpy().copy()
        for attribute, tensor in tensors.items()
        for grad in [found.get(id(tensor))]
    }
