"""What the launcher tells the warmed process, by its environment."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import Any

from autograder.classroom.isolation.layers import ALL

VARIABLE = "COURSE_ISOLATION"


@dataclass(frozen=True)
class Settings:
    """What `enter` has to know of the process that it is in.

    Parameters
    ----------
    work : str
        The folder in which the student's process works; the mount point of its memory.
    readable, listable : tuple of str
        What may be read, with all below it; and folders of which only the names may be.
    view : str
        Empty if the process sees no more than that already; otherwise why not.
    uid : str
        Empty if the process has a user id of its own; otherwise why not.
    wanted : tuple of str
        The layers to put on.
    lifeline : int
        A descriptor that ends the process when its other end closes; not for students. -1: none.
    """

    work: str
    readable: tuple[str, ...] = ()
    listable: tuple[str, ...] = ()
    view: str = "not started by the launcher"
    uid: str = "not started by the launcher"
    wanted: tuple[str, ...] = tuple(sorted(ALL))
    lifeline: int = -1

    @property
    def own_tmp(self) -> bool:
        """Whether /tmp can be replaced: not where a clone lies below it, which has to be read."""
        return not any(path.startswith("/tmp/") for path in self.readable)

    def dump(self) -> dict[str, str]:
        """As an environment variable."""
        return {VARIABLE: json.dumps(asdict(self))}


def load() -> Settings:
    """What the launcher told this process; without a launcher, what can be had without one."""
    text = os.environ.get(VARIABLE)
    if text is None:
        from autograder.classroom.isolation.readable import readable_paths

        paths = readable_paths()
        return Settings(os.getcwd(), tuple(map(str, paths.readable)), tuple(map(str, paths.listable)))
    told: dict[str, Any] = json.loads(text)
    return Settings(**{**told, **{name: tuple(v) for name, v in told.items() if isinstance(v, list)}})
