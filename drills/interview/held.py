"""A card in an interview: its questions come now, what it reveals waits for the end."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from drills.asking import Conversation, Outcome
from drills.reading import after
from drills.schema import Card
from drills.steps import (
    AskCode,
    AskConfidence,
    AskFormula,
    AskNumber,
    AskRating,
    AskText,
    Show,
    Step,
    Tick,
)


class Held:
    """A card's conversation, cut where its answers are given: `questions` first, the rest at the end.

    Parameters
    ----------
    card : Card
    talk : generator
        See `drills.asking.ask`; not begun yet.

    Attributes
    ----------
    answered : bool
        Whether anything but "I do not know" was replied.
    question : str
        As it was asked, with its numbers.
    said : list of (str, str)
        What was replied in writing, each after what had been asked.
    """

    def __init__(self, card: Card, talk: Conversation) -> None:
        self.card = card
        self.answered = False
        self.question = card.question
        self.said: list[tuple[str, str]] = []
        self._talk = talk
        self._revealed: list[Show] = []
        self._tried: set[object] = set()
        self._next: Step | None = None

    def questions(self) -> Generator[Step, Any, None]:
        """Ask whatever the card asks, once, and show nothing but its question."""
        step = next(self._talk)
        asked: Step | None = None
        while not isinstance(step, Tick | AskRating):
            reply = None
            if isinstance(step, Show):
                if step.look == "question":
                    self.question = step.text
                    yield step
                else:
                    self._revealed.append(after(asked, step))
            elif not isinstance(step, AskConfidence) and self._is_first_try(step):
                reply = yield step
                self.answered = self.answered or reply is not None
                if isinstance(step, AskText | AskNumber | AskFormula) and reply:
                    self.said.append((step.text, reply))
            asked = step
            step = self._talk.send(reply)
        self._next = step

    def revealed(self) -> list[Show]:
        """What the card shows after its answer: verdicts, a good answer, a weak one."""
        return list(self._revealed)

    def ticks(self) -> Generator[Step, Any, None]:
        """Have the points of the rubric ticked."""
        while not isinstance(self._next, AskRating):
            assert self._next is not None
            reply = (yield self._next) if isinstance(self._next, Tick) else None
            self._next = self._talk.send(reply)

    def rating(self) -> Generator[Step, Any, Outcome]:
        """Have the rating confirmed or overridden, and return what came of the card."""
        assert self._next is not None
        reply = yield self._next
        try:
            self._talk.send(reply)
        except StopIteration as end:
            return end.value
        raise AssertionError("a card ends with its rating")

    def _is_first_try(self, step: Step) -> bool:
        """A second try would tell that the first one failed: an interviewer does not."""
        what = AskCode if isinstance(step, AskCode) else (type(step), step.text)
        if what in self._tried:
            return False
        self._tried.add(what)
        return True
