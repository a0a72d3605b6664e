"""The verbs for a cell: what stops one is told in a sentence, where a traceback would hide it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

from course import verbs
from course.errors import CourseError

__all__ = ["hint", "next_up", "reset", "solution", "status", "update"]

Arguments = ParamSpec("Arguments")


def _told(verb: Callable[Arguments, None]) -> Callable[Arguments, None]:
    @functools.wraps(verb)
    def tell(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            verb(*args, **kwargs)
        except CourseError as error:
            print(error)  # on stdout: nbgrader gives no points to a cell that writes to stderr

    return tell


status = _told(verbs.status)
next_up = _told(verbs.next_up)
hint = _told(verbs.hint)
solution = _told(verbs.solution)
reset = _told(verbs.reset)
update = _told(verbs.update)
