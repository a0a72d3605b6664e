"""A sitting of some cards: the one core of the terminal and of JupyterLab.

Every reply goes into a journal before it counts. A sitting that was cut off is brought back by giving the
same replies again, so that it stands where it stood, with everything that was typed.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from drills import claims, clock, judging
from drills.asking import Conversation, Outcome, ask
from drills.judging import Judged
from drills.records import Records, Sitting
from drills.replies import ReplyError, checked
from drills.schema import Card
from drills.sittings import review
from drills.steps import Show, Step

Entry = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """A step that is over, and the reply to it."""

    step: Step
    reply: Any


class Session:
    """Some cards, one after another, each a conversation.

    A face shows `step` and gives the answer to `reply`, until `step` is None.

    Parameters
    ----------
    cards : mapping
        The deck, by id.
    records : Records
        Where replies and reviews are kept.
    sitting : Sitting
        New, or one that was cut off: then it goes on where it stood.
    watch : callable
        Returns seconds.
    minutes_of : callable, optional
        How long a card takes, such as `Schedule.minutes_of`; by default what the card says.

    Attributes
    ----------
    step : Step or None
        What is shown or asked now; None when all cards are done.
    seen : list of Said
        What was shown and replied on the present card so far.
    outcomes : list of Outcome
        Of the cards done in this sitting, those before an interruption included.
    notices : list of str
        Sentences on what could not be brought back.
    place : int
        That of the present card, from 0.
    resumed : bool
        Whether anything was replied before, in another process.
    """

    SKIPPED = "Left out: it stays due."

    def __init__(
        self,
        cards: Mapping[str, Card],
        records: Records,
        sitting: Sitting,
        *,
        watch: Callable[[], float] = time.monotonic,
        minutes_of: Callable[[str], float] | None = None,
    ) -> None:
        self.step: Step | None = None
        self.seen: list[Said] = []
        self.outcomes: list[Outcome] = []
        self.notices: list[str] = []
        self.place = -1
        self._draft = ""
        self._cards, self._records, self._sitting, self._watch = cards, records, sitting, watch
        self._minutes_of = minutes_of or (lambda id: cards[id].minutes)
        self._talk: Conversation | None = None
        self._worked = 0.0  # seconds that went by while somebody was at work, in all processes together
        journal = [reply.value for reply in sitting.replies]
        self.resumed = bool(journal)
        # Judging takes seconds, and the exercise may have changed since: verdicts are brought back, too.
        self._verdicts = {
            entry["judged"]: Judged(**entry["verdict"]) for entry in journal if "judged" in entry
        }
        self._next_card()
        self._replay(journal)
        self._since = watch()

    @property
    def card(self) -> Card | None:
        """The card that `step` belongs to."""
        return self._cards[self._sitting.queue[self.place]] if self._talk else None

    @property
    def part(self) -> object:
        """What stands under one `heading`: it changes when another card begins."""
        return self.place

    @property
    def begun(self) -> datetime:
        """When this sitting was begun, before any interruption."""
        return self._sitting.begun

    @property
    def count(self) -> int:
        """How many cards this sitting has."""
        return len(self._sitting.queue)

    @property
    def minutes_left(self) -> float:
        """How long the present card and those after it should take."""
        return sum(self._minutes_of(id) for id in self._sitting.queue[self.place :] if id in self._cards)

    @property
    def heading(self) -> str:
        """Where one is: the card's place, the minutes left, the topic and the kind."""
        card = self.card
        left = f"card {self.place + 1} of {self.count} · about {max(1, round(self.minutes_left))} min left"
        return f"{left} · {card.topic} · {card.kind}" if card else left

    @property
    def kept(self) -> bool:
        """Whether all that was replied so far outlives this process."""
        return not self._records.unsaved

    @property
    def draft(self) -> str:
        """What was typed for the present step and not sent yet."""
        return self._draft

    @draft.setter
    def draft(self, text: str) -> None:
        if text != self._draft:
            self._draft = text
            self._note({"draft": text})

    def reply(self, value: Any = None) -> None:
        """Answer the present step and go on to the next.

        Raises
        ------
        ReplyError
            If the reply does not fit; the step stands as it was.
        """
        if self.step is None:
            raise ReplyError("This sitting is over.")
        value = checked(self.step, value)
        if isinstance(self.step, Show):  # which says nothing new when it is brought back; its time is
            self._advance(value, 0.0)  # that of the question after it
            return
        seconds = round(self._watch() - self._since, 3)
        self._note({"reply": value, "seconds": seconds})
        self._advance(value, seconds)
        self._since = self._watch()

    def skip(self) -> None:
        """Leave the present card without rating it."""
        if self.step is None:
            raise ReplyError("This sitting is over.")
        self._note({"skip": True})
        self._next_card()
        self._since = self._watch()

    def leave(self) -> None:
        """Let another session pick this sitting up; a process that ends does so by itself."""
        claims.release(self._records.path, self._sitting.id)

    def _advance(self, reply: Any, seconds: float) -> None:
        assert self._talk is not None
        assert self.step is not None
        self._worked += seconds
        self._draft = ""
        self.seen.append(Said(self.step, reply))
        try:
            self.step = self._talk.send(reply)
        except StopIteration as end:
            self._ended(end.value)
        except BaseException:  # such as Ctrl-C while a program is judged
            self.step, self._talk = None, None  # the journal has the reply: who picks this up gets on
            self.leave()
            raise

    def _ended(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._records.add(review(self._sitting, self.place, outcome))
        self._next_card()

    def _next_card(self) -> None:
        self.seen, self.step, self._talk, self._draft = [], None, None, ""
        while self.place + 1 < self.count:
            self.place += 1
            id = self._sitting.queue[self.place]
            if id in self._cards:
                self._begin()
                return
            self.notices.append(f"The card {id} is not in the deck any more: it is left out.")
        self._finish()

    def _finish(self) -> None:
        self.place = self.count
        self._records.finish(self._sitting.id, clock.now())
        self.leave()

    def _begin(self) -> None:
        self.seen, self._draft = [], ""
        self._talk = self._conversation()
        self.step = next(self._talk)

    def _conversation(self) -> Conversation:
        card = self._cards[self._sitting.queue[self.place]]
        return self._ask(card, self.place)

    def _ask(self, card: Card, place: int) -> Conversation:
        """Begin to talk about a card, on this session's clock and with the verdicts that it has."""
        return ask(card, self._sitting.seed + place, lambda: self._worked, self._judge)

    def _replay(self, journal: list[Entry]) -> None:
        lost = False  # the replies do not fit the present card, which has changed since
        for entry in journal:
            before = self.place
            if not self._reached(entry):
                continue
            lost = lost and self.place == before
            if "skip" in entry:
                lost = False
                self._next_card()
            elif "again" in entry:
                lost = False
                self._begin()
            elif lost or "judged" in entry:
                continue
            elif "draft" in entry:
                self._draft = str(entry["draft"])
            else:
                lost = not self._fits(entry)
        if lost:
            assert self.card is not None
            self.notices.append(f"The card {self.card.id} has changed since: it begins anew.")
            self._note({"again": True})
            self._begin()
        if self.resumed:
            self._pass_shown()

    def _reached(self, entry: Entry) -> bool:
        """Go on to the card of an entry; False if it is behind."""
        while self.step is not None and entry["place"] > self.place:
            self._next_card()  # that card was done with, and its review is kept
        return self.step is not None and entry["place"] == self.place

    def _fits(self, entry: Entry) -> bool:
        self._pass_shown()
        if self.step is None:
            return False
        try:
            value = checked(self.step, entry["reply"])
        except (ReplyError, KeyError):
            return False
        self._advance(value, float(entry.get("seconds", 0.0)))
        return True

    def _pass_shown(self) -> None:
        while isinstance(self.step, Show):
            self._advance(None, 0.0)

    def _judge(self, exercise: str, program: str) -> Judged:
        key = hashlib.sha256(f"{exercise}\n{program}".encode("utf-8", "replace")).hexdigest()
        if key not in self._verdicts:
            self._verdicts[key] = judging.judge(exercise, program)
            self._note({"judged": key, "verdict": asdict(self._verdicts[key])})
        return self._verdicts[key]

    def _note(self, entry: Entry) -> None:
        self._records.note(self._sitting.id, entry | {"place": self.place}, clock.now())
