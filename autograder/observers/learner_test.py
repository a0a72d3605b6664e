"""Observe a test that the learner wrote: it is run on implementations, right and wrong ones."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from autograder.case import Case
from autograder.observation import Observation
from autograder.observers.arrays import to_numpy, to_torch
from autograder.observers.capture import captured, note, unwatched
from autograder.observers.surroundings import fixed_surroundings


class Remote(Protocol):
    """The other side of the border, where the implementations live."""

    def __call__(
        self, handle: str, arguments: list[Any], keywords: dict[str, Any], cotangent: np.ndarray | None
    ) -> list[np.ndarray]:
        """Call an implementation; with a cotangent, return the gradients of the array arguments.

        What the implementation raises is raised here.
        """


@dataclass(frozen=True)
class LearnerTestObserver:
    """Hand the answer, a test, one implementation, and note whether an assertion fails.

    ``case.inputs["implementation"]`` is an opaque handle. The test gets an ordinary
    differentiable function; every call of it is answered by `remote`, with arrays only, so that a
    test runs the same way in the notebook and across a process border.
    """

    kind: ClassVar[str] = "learner_test"
    watch: tuple[str, ...] = ()
    seconds: float | None = 5.0

    def observe(self, answer: Callable[..., Any], case: Case, remote: Remote | None = None) -> Observation:
        """Run the test once on the implementation that `case` names."""
        if remote is None:
            raise ValueError("a learner's test can only be observed with a remote to call")
        seen = Observation()
        with captured(seen, answer, self.seconds, self.watch):
            caught = False
            try:
                answer(_differentiable(remote, case.inputs["implementation"]))
            except AssertionError:
                caught = True
            note(seen, "caught", caught)
        return seen


def _differentiable(remote: Remote, handle: str) -> Callable[..., Any]:
    """A function that lives elsewhere, as one that torch can differentiate."""
    import torch

    def call(values: Sequence[Any], names: Sequence[str], cotangent: np.ndarray | None) -> list[np.ndarray]:
        plain = [to_numpy(value)[0] if isinstance(value, torch.Tensor) else value for value in values]
        positional = len(plain) - len(names)
        keywords = dict(zip(names, plain[positional:], strict=True))
        with unwatched():  # an implementation may be the very function that the learner is not to call
            try:
                return remote(handle, plain[:positional], keywords, cotangent)
            except Exception as error:
                # Without the frames inside the implementation, which another process would not show.
                raise error.with_traceback(None) from None

    class Call(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, names: tuple[str, ...], *values: Any) -> Any:
            ctx.names, ctx.values = names, values
            (result,) = call(values, names, None)
            return torch.from_numpy(result)

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> tuple[Any, ...]:
            gradients = iter(call(ctx.values, ctx.names, to_numpy(cotangents[0])[0]))
            found = [
                next(gradients) if isinstance(value, torch.Tensor | np.ndarray) else None
                for value in ctx.values
            ]
            return None, *(
                torch.from_numpy(gradient) if isinstance(value, torch.Tensor) else None
                for value, gradient in zip(ctx.values, found, strict=True)
            )

    def implementation(*arguments: Any, **keywords: Any) -> Any:
        return Call.apply(tuple(keywords), *arguments, *keywords.values())

    return implementation


def answer_call(
    implementation: Callable[..., Any],
    arguments: Sequence[Any],
    keywords: dict[str, Any],
    cotangent: np.ndarray | None,
) -> list[np.ndarray]:
    """The judge's end of a `Remote`: run an implementation on arrays, or differentiate it.

    It runs in surroundings of its own and silently, so that a learner's test sees the same whether
    the implementation is in its process or not.
    """
    import torch

    def give(value: Any) -> Any:
        tensor = to_torch(value)
        wanted = cotangent is not None and isinstance(tensor, torch.Tensor) and tensor.is_floating_point()
        return tensor.requires_grad_() if wanted else tensor

    with fixed_surroundings(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = [give(value) for value in arguments]
        named = {name: give(value) for name, value in keywords.items()}
        result = implementation(*given, **named)
        if cotangent is None:
            return [to_numpy(result)[0]]
        tensors = [value for value in (*given, *named.values()) if isinstance(value, torch.Tensor)]
        leaves = [tensor for tensor in tensors if tensor.requires_grad]
        grads: tuple[Any, ...] = ()
        if leaves and isinstance(result, torch.Tensor) and result.requires_grad:
            loss = (result * to_torch(cotangent)).sum()
            grads = torch.autograd.grad(loss, leaves, allow_unused=True)
        found = dict(zip(map(id, leaves), grads, strict=False))  # none where nothing depends on them
        return [
            (torch.zeros_like(tensor) if grad is None else grad).detach().numpy()
            for tensor in tensors
            for grad in [found.get(id(tensor))]
        ]
