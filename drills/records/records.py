"""Writing down what a learner answers, and reading it back."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drills.records import tables
from drills.records.keeper import Keeper
from drills.records.review import Review
from drills.records.settings import Settings
from drills.records.sitting import Reply, Sitting

if TYPE_CHECKING:
    from drills.scheduling.memory import Memory


class Records:
    """What a learner answered. Nothing in it raises because of the file (`drills.records.keeper`).

    Parameters
    ----------
    path : Path or None
        `location()`; None keeps nothing beyond this process.
    say : callable
        Is told sentences about the file, each once.
    """

    def __init__(self, path: Path | None, say: Callable[[str], None] = print) -> None:
        self.path = path
        self._keeper = Keeper(path, say)
        self._me = uuid.uuid4().hex
        self._held: dict[str, Sitting] = {}  # by the id that a session knows; another one once it is split

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Save what could not be saved before, if it can be now."""
        self._keeper.save_the_rest()

    @property
    def unsaved(self) -> int:
        """How many changes only this process remembers."""
        return len(self._keeper.unsaved)

    def add(self, review: Review) -> None:
        """Write down a review; for the same place of the same sitting, only the first one."""
        held = self._held.get(review.sitting or "")
        loose = uuid.uuid4().hex

        def change(connection: sqlite3.Connection) -> None:
            kept = review
            if held and review.sitting:
                kept = replace(review, sitting=self._own(connection, review.sitting, len(held.replies)))
            key = loose if kept.sitting is None or kept.place is None else f"{kept.sitting}:{kept.place}"
            tables.insert_review(connection, key, kept)

        self._keeper.do(change)

    def reviews(self) -> list[Review]:
        """All reviews, in the order in which they were written."""
        return self._keeper.ask(tables.reviews)

    def states(self) -> dict[str, Memory]:
        """What is known of each card that was reviewed, computed from the reviews."""
        from drills.scheduling.memory import memories

        return memories(self.reviews())

    def begin(self, kind: str, queue: Sequence[str], seed: int, at: datetime) -> Sitting:
        """Begin a sitting."""
        sitting = Sitting(uuid.uuid4().hex, kind, tuple(queue), seed, at)
        self._held[sitting.id] = sitting
        self._keeper.do(lambda connection: tables.insert_sitting(connection, sitting, self._me))
        return sitting

    def unfinished(self) -> list[Sitting]:
        """The sittings that were cut off, or that another process is at just now, latest last."""
        return self._keeper.ask(tables.unfinished)

    def resume(self, sitting: str) -> Sitting:
        """Go on with a sitting: from now on this process has it.

        If another process is still at it, that one goes on in a copy of its own, with all its replies.

        Raises
        ------
        KeyError
            If there is no such sitting.
        """
        self._keeper.do(lambda connection: tables.take(connection, sitting, self._me))
        found = self._keeper.ask(lambda connection: tables.sitting(connection, sitting))
        if found is None:
            raise KeyError(sitting)
        self._held[sitting] = found
        # For a file that has lost it, when this process writes its changes again.
        self._keeper.do(lambda connection: tables.insert_sitting(connection, found, self._me))
        return found

    def note(self, sitting: str, value: Any, at: datetime) -> None:
        """Write down the next reply of a sitting that was begun or resumed here.

        Parameters
        ----------
        sitting : str
            Its id.
        value
            A JSON value.
        """
        json.dumps(value)  # what cannot be written should raise here, and not keep the rest from being saved
        reply = Reply(value, at)
        held = self._held[sitting]
        number = len(held.replies)
        self._held[sitting] = replace(held, replies=(*held.replies, reply))
        self._keeper.do(
            lambda connection: tables.insert_reply(
                connection, self._own(connection, sitting, number), number, reply
            )
        )

    def finish(self, sitting: str, at: datetime) -> None:
        """Be done with a sitting, whether all its cards were answered or not."""

        def change(connection: sqlite3.Connection) -> None:
            held = self._held.get(sitting)
            mine = self._own(connection, sitting, len(held.replies)) if held else sitting
            tables.finish(connection, mine, at)

        self._keeper.do(change)

    def settings(self) -> Settings:
        """What the learner decided."""
        return self._keeper.ask(tables.settings)

    def change_settings(self, settings: Settings) -> None:
        """Write down what the learner decided."""
        values = {
            name: value.isoformat() if hasattr(value, "isoformat") else value
            for name, value in vars(settings).items()
        }
        self._keeper.do(lambda connection: tables.set_all(connection, values.items()))

    def _own(self, connection: sqlite3.Connection, sitting: str, replies: int) -> str:
        """The id under which this process goes on with a sitting.

        It is another than the session knows if another process has taken the sitting over, or if the file
        has lost it: then a copy is made, with the first replies of this process.
        """
        held = self._held[sitting]
        if tables.holder(connection, held.id) != self._me:
            held = replace(held, id=uuid.uuid4().hex)
            self._held[sitting] = held
            copy = replace(held, replies=held.replies[:replies])
            tables.insert_sitting(connection, copy, self._me)
        return held.id
