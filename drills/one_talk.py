"""A session that is one conversation about several cards: an interview, a diagnostic."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from drills.asking import Outcome
from drills.schema import Card
from drills.sessions import Entry, Session
from drills.sittings import review
from drills.steps import Step, Tick

#: It ends in the outcomes of the cards that were reached, in the order of their places.
Whole = Generator[Step, Any, Sequence[Outcome]]


class OneTalk(Session):
    """A session that is one conversation. Its arguments are those of `Session`; a subclass has the talk."""

    SKIPPED = "Given up."
    _present: Card | None = None

    @property
    def card(self) -> Card | None:
        """The card that `step` belongs to; None before the first."""
        return self._present if self._talk else None

    @property
    def part(self) -> object:
        """What stands under one heading."""
        return self.place, self._present and self._present.id

    def skip(self) -> None:
        """Give up what is asked: here is no way around a question."""
        self.reply([] if isinstance(self.step, Tick) else None)

    def talk(self) -> Whole:
        """The conversation."""
        raise NotImplementedError

    def at(self, place: int, card: Card) -> None:
        """Be told by the conversation which card comes next, and its place."""
        self.place, self._present, self.seen = place, card, []

    def _next_card(self) -> None:
        self.place = 0
        self._begin()

    def _reached(self, entry: Entry) -> bool:
        return self.step is not None  # it has no cards to skip

    def _conversation(self) -> Any:
        return self.talk()

    def _ended(self, outcomes: Any) -> None:
        self.step, self._talk, self._present = None, None, None
        for place, outcome in enumerate(outcomes):
            self.outcomes.append(outcome)
            self._records.add(review(self._sitting, place, outcome))
        self._finish()
