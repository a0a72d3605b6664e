"""One session at the cards, with all that was replied in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Reply:
    """One reply of a session, a JSON value, and when it was given."""

    value: Any
    at: datetime


@dataclass(frozen=True)
class Sitting:
    """A session at the cards.

    Parameters
    ----------
    id : str
    kind : str
        ``drill``, ``interview``, ``diagnostic``.
    queue : tuple of str
        The ids of its cards, in order.
    seed : int
        What its numbers are drawn from.
    begun : datetime
        Aware.
    replies : tuple of Reply
        All so far: giving them again brings the session back to where it was.
    """

    id: str
    kind: str
    queue: tuple[str, ...]
    seed: int
    begun: datetime
    replies: tuple[Reply, ...] = ()
