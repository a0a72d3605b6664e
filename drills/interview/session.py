"""An interview as a session, so that the terminal and JupyterLab hold it like any other, and resume it."""

from __future__ import annotations

from collections.abc import Sequence

from drills import sittings
from drills.interview.conversation import Interview, interview
from drills.one_talk import OneTalk
from drills.records import Records, Sitting
from drills.schema import Card

KIND = "interview"


def begin(records: Records, queue: Sequence[str], minutes: float, seed: int | None = None) -> Sitting:
    """Begin the sitting of an interview, and claim it; its cards are from `write_script`."""
    return sittings.begin(records, kind_of(minutes), queue, seed)


def kind_of(minutes: float) -> str:
    """The kind of the sitting of an interview so long."""
    return f"{KIND} {minutes:g}"


class InterviewSession(OneTalk):
    """An interview; its minutes are those that its sitting began with."""

    _discussing = False  # whether its questions are over

    @property
    def minutes(self) -> float:
        """What there is for all of it."""
        return float(self._sitting.kind.partition(" ")[2])

    @property
    def minutes_left(self) -> float:
        """What is left of the interview's time."""
        return max(0.0, self.minutes - self._worked / 60)

    @property
    def heading(self) -> str:
        """Where one is."""
        if self.card is None:
            return f"interview of {self.minutes:g} minutes"
        question = f"question {self.place + 1} of {self.count}"
        if self._discussing:
            return f"discussion · {question} · {self.card.id}"
        return f"{question} · about {self.minutes_left:.0f} min left"

    @property
    def part(self) -> object:
        """What stands under one heading."""
        return super().part, self._discussing

    def talk(self) -> Interview:
        """The conversation."""
        self._discussing = False
        known = [self._cards[id] for id in self._sitting.queue if id in self._cards]
        if len(known) < self.count:
            self.notices.append("Some cards of this interview are not in the deck any more.")
        return interview(known, self._ask, lambda: self._worked, self.minutes, self.at, self._discuss)

    def _discuss(self, place: int, card: Card) -> None:
        self._discussing = True
        self.at(place, card)
