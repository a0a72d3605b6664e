"""A wrong answer that people really write, as code: to recognise it, and to test the checks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Function = Callable[..., Any]


@dataclass(frozen=True)
class Misconception:
    """A wrong answer that people really write, and what to say to them.

    Parameters
    ----------
    id : str
        ``"<exercise>:<function name>"``, stable: progress and reports refer to it.
    title, says, asks : str
        What the learner reads: its name, what reproduces their numbers, and a question.
    answer : callable
        The wrong answer. If its first parameter is called ``right``, it is a mistake that can be
        made on top of another one: it receives the implementation to spoil.
    source : str
        Where somebody made it in public, if that is known.
    same_as : str
        ``"<name>: <why>"`` of another misconception with equal fingerprints, which is reported instead.
    """

    id: str
    title: str
    says: str
    asks: str
    answer: Function
    source: str = ""
    same_as: str = ""

    @property
    def name(self) -> str:
        """The function's name, the part of the id after the colon."""
        return self.id.partition(":")[2]

    @property
    def twin(self) -> str:
        """The name of the misconception that is reported instead of this one, if there is one."""
        return self.same_as.partition(":")[0].strip()

    @property
    def wraps(self) -> bool:
        """Whether this mistake can be made on top of another."""
        if inspect.isclass(self.answer):
            return False
        return next(iter(inspect.signature(self.answer).parameters), "") == "right"

    def on(self, right: Function) -> Function:
        """The wrong answer as a function of the exercise's arguments alone."""
        return _Spoiled(self.answer, right) if self.wraps else self.answer


@dataclass(frozen=True)
class _Spoiled:
    """A misconception applied on top of an implementation."""

    mistake: Function
    right: Function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.mistake(self.right, *args, **kwargs)
