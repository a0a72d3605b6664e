"""What the conversations about all kinds of cards have in common."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

from drills.asking.grading import GOOD, Scored, grade
from drills.asking.outcome import Outcome
from drills.judging import Judged
from drills.schema import Base, FollowUp, Point, Weak
from drills.steps import AskConfidence, AskRating, AskText, Rating, Show, Step, Tick

#: Seconds on a clock that runs while somebody is at work on the card.
Clock = Callable[[], float]
Conversation = Generator[Step, Any, Outcome]
#: Judges a program, given the exercise and its text.
Judge = Callable[[str, str], Judged]
SAID_ALOUD = ""  # the reply to a question for words that were spoken
DO_NOT_KNOW = None  # the reply of somebody who gives up a question


class Talk:
    """One conversation: its stop-watch, what was said, and its beginning and end.

    Parameters
    ----------
    card : Base
        What it is about.
    clock : callable
        Returns seconds.
    """

    def __init__(self, card: Base, clock: Clock) -> None:
        self.card = card
        self.said: list[str] = []
        self.confidence: float | None = None
        self.seconds = 0.0
        self._clock = clock
        self._started = clock()

    def open(self, question: str | None = None, *, about: str = "your answer") -> Generator[Step, Any, None]:
        """Show the question, and ask how sure one is before anything is answered."""
        yield Show(question or self.card.question, title="Question", look="question")
        self.confidence = yield AskConfidence(f"How sure are you that {about} will be right?")

    def hear(self, step: Step) -> Generator[Step, Any, Any]:
        """Ask something, note what was typed, and read the stop-watch; return the reply."""
        reply = yield step
        self.seconds = self._clock() - self._started
        self.said.append("" if reply is DO_NOT_KNOW else str(reply))
        return reply

    def words(self, asks: str, seconds: float) -> Generator[Step, Any, bool]:
        """Ask for an answer in words; return whether there was one."""
        reply = yield from self.hear(AskText(asks, seconds))
        return reply is not DO_NOT_KNOW

    def tick(self, points: Sequence[Point], *, answered: bool = True) -> Generator[Step, Any, list[Scored]]:
        """Let the learner tick what the answer had; nothing, if there was no answer."""
        had: list[int] = []
        if answered and points:
            had = yield Tick(
                "Which of these did your answer have? Be strict: an interviewer cannot read your mind.",
                tuple(point.says for point in points),
                tuple(place for place, point in enumerate(points) if point.must),
            )
        return [
            Scored(point.says, float(place in had), point.weight, point.must)
            for place, point in enumerate(points)
        ]

    def close(self, points: Sequence[Scored]) -> Conversation:
        """Rate the answer, let the learner override it, and return what came of the card."""
        found = grade(points, self.confidence, self.seconds, self.card.minutes)
        if following := self._follow_up(found.credit):
            yield Show(f"{following.asks}\n\n{following.answer}", title="What they may ask next", look="note")
        rating = yield AskRating("How did it go?", found.rating, found.reason)
        return Outcome(
            self.card.id,
            found.credit,
            found.missed,
            found.rating,
            Rating(rating),
            self.confidence,
            self.seconds,
            tuple(self.said),
        )

    def _follow_up(self, credit: float) -> FollowUp | None:
        wanted = ("strong" if credit >= GOOD else "weak", "any")
        fitting = (one for after in wanted for one in self.card.follow_ups if one.after == after)
        return next(fitting, None)


def caveats(card: Base) -> Generator[Step, Any, None]:
    """Show where the answer has its limits, if the card says so."""
    if card.caveats:
        many = len(card.caveats) > 1
        text = "\n".join(f"- {_hanging(one)}" for one in card.caveats) if many else card.caveats[0]
        yield Show(text, title="Caveats", look="answer")


def weak(example: Weak) -> Generator[Step, Any, None]:
    """Show an answer as it is often given, and what it lacks."""
    yield Show(
        f"“{example.answer}”\n\n{example.lacks}", title="A weak answer, and what it lacks", look="weak"
    )


def _hanging(text: str) -> str:
    """A paragraph as an item of a Markdown list."""
    return text.replace("\n", "\n  ")
