"""Judging answers: exercises, verdicts, and what a learner calls from a lesson.

``exercises()`` lists the ids, ``examine(id, answer)`` judges, ``check(id, answer)`` judges, prints and
records; both are composed of ``cases``, ``observe`` and ``judge``. The public names load when they are
first used, and none of them loads torch: a student's isolated process imports ``autograder.observers``
alone, and must not get the judge and the exercises with it.
"""

# ruff: noqa: F403, F405  # type checkers see the names of autograder.public, which loads late
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograder.public import *

__all__ = [
    "Exercise",
    "Group",
    "Verdict",
    "case",
    "cases",
    "check",
    "examine",
    "exercises",
    "judge",
    "observe",
    "predict",
    "reveal",
    "rubric",
]


class _Package(ModuleType):
    """A package in which a function goes before the module of the same name (case, cases, judge, ...).

    Python binds a submodule to its package at the submodule's first import, whenever that happens, so
    neither an early nor a late assignment would keep ``autograder.exercises()`` callable. Declining that
    binding does; ``from autograder.exercises import load`` does not need it.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name in __all__:
            return getattr(import_module("autograder.public"), name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Package
