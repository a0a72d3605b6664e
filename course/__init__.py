"""The front door: the command ``course``, and the same verbs as functions for a cell.

``import course; course.status()``. `lab` has no function here: a cell runs in JupyterLab already.
Nothing is imported before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course.cells import hint, next_up, reset, solution, status, update

__all__ = ["hint", "next_up", "reset", "solution", "status", "update"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("course.cells"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
