"""An interview as a session, so that the terminal and JupyterLab hold it like any other, and resume it."""

from __future__ import annotations

from collections.abc import Sequence

from drills import sittings
from drills.interview.conversation import Interview, interview
from drills.one_talk import OneTalk
from drills.records import Records, Sitting

KIND = "interview"


def begin(records: Records, queue: Sequence[str], minutes: float, seed: int | None = None) -> Sitting:
    """Begin the sitting of an interview, and claim it; its cards are from `write_script`."""
    return sittings.begin(records, f"{KIND} {minutes:g}", queue, seed)


class InterviewSession(OneTalk):
    """An interview; its minutes are those that its sitting began with."""

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
        left = f"about {self.minutes_left:.0f} min left"
        return f"question {self.place + 1} of {self.count} · {left}" if self.card else left

    def talk(self) -> Interview:
        """The conversation."""
        known = [self._cards[id] for id in self._sitting.queue if id in self._cards]
        if len(known) < self.count:
            self.notices.append("Some cards of this interview are not in the deck any more.")
        return interview(known, self._sitting.seed, lambda: self._worked, self.minutes, self.at)
