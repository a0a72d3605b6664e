"""The interview as one conversation: questions first, everything that is to be said of them afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from drills.asking import Clock, Conversation, Outcome
from drills.interview.held import Held
from drills.interview.scorecard import FELT, Part, scorecard
from drills.interview.script import TALKING
from drills.schema import Card, Concept, FollowUp, Scenario
from drills.steps import AskChoice, AskText, Beside, Show, Step, Tick

FOLLOW_UPS = 2
SECONDS = 60.0  # for the reply to a follow-up
Interview = Generator[Step, Any, tuple[Outcome, ...]]


@dataclass
class _Asked:
    """A card that was asked, and how it went."""

    held: Held
    felt: int | None = None  # a place in FELT
    follow_ups: list[FollowUp] = field(default_factory=list)
    replies: list[str | None] = field(default_factory=list)  # to the follow-ups


def interview(
    cards: Sequence[Card],
    ask: Callable[[Card, int], Conversation],
    clock: Clock,
    minutes: float,
    at: Callable[[int, Card], None],
    discuss: Callable[[int, Card], None],
) -> Interview:
    """Hold an interview; return the outcomes of the cards that were reached.

    Parameters
    ----------
    cards : sequence of Card
        From `write_script`.
    ask : callable
        Begins the conversation about a card, given its place.
    clock : callable
        Returns seconds, which pass only while somebody is at work.
    minutes : float
        After these no new card is begun.
    at, discuss : callable
        Are told which card is asked, or discussed, next, and its place.
    """
    if not cards:
        yield Show("None of its cards is in the deck any more.", title="No interview", look="note")
        return ()
    yield Show(_opening(cards, minutes), title="Interview", look="note")
    asked: list[_Asked] = []
    for place, card in enumerate(cards):
        if asked and clock() > 60 * minutes:
            left = len(cards) - place
            said = "One question was" if left == 1 else f"{left} questions were"
            yield Show(f"{said} not reached.", title="Time is up", look="note")
            break
        at(place, card)
        asked.append((yield from _asked(card, ask(card, place))))
    seconds = clock()
    yield Show("That was the interview. Now what there is to say about it.", title="Discussion", look="note")
    parts: list[Part] = []
    for place, one in enumerate(asked):
        discuss(place, one.held.card)
        parts.append((yield from _discussed(one)))
    yield Show(scorecard(parts, seconds, minutes), title="Scorecard", look="answer")
    return tuple(part.outcome for part in parts)


def _opening(cards: Sequence[Card], minutes: float) -> str:
    main = sum(isinstance(card, TALKING) for card in cards)
    asks = "a main question" if main == 1 else f"{main} main questions"
    return (
        f"{minutes:g} minutes: {asks} with follow-ups, a program, a number. No hints, and no word on how it "
        "went before the end; then every answer is discussed. Answer aloud or in writing, as you would there."
    )


def _asked(card: Card, talk: Conversation) -> Generator[Step, Any, _Asked]:
    one = _Asked(Held(card, talk))
    yield from one.held.questions()
    if not isinstance(card, TALKING):
        return one
    if one.held.answered:
        one.felt = yield AskChoice("How did that go?", FELT)
    strong = one.held.answered and one.felt == 0
    for following in _ladder(card, strong):
        one.follow_ups.append(following)
        one.replies.append((yield AskText(following.asks, SECONDS)))
    return one


def _ladder(card: Card, strong: bool) -> list[FollowUp]:
    """Harder ones after a strong answer, easier ones after another."""
    mine = [one for one in card.follow_ups if one.after == ("strong" if strong else "weak")]
    return [*mine, *(one for one in card.follow_ups if one.after == "any")][:FOLLOW_UPS]


def _quoted(text: str) -> str:
    """Typed text as a block of its own, in which nothing is Markdown."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"


def _discussed(one: _Asked) -> Generator[Step, Any, Part]:
    card = one.held.card
    yield Show(one.held.question, title="Question", look="question")
    if one.held.said:
        written = (f"{asks}\n\n{_quoted(reply)}" for asks, reply in one.held.said)
        yield Show("\n\n".join(written), title="You wrote", look="note")
    strong = card.half_minute if isinstance(card, Concept) else getattr(card, "decision", None)
    for shown in one.held.revealed():
        if shown.look != "weak" and shown.text != strong:
            yield shown
    if isinstance(card, Concept | Scenario):
        assert strong is not None
        weak = f"{card.weak.answer}\n\n*{card.weak.lacks}*"
        yield Beside(strong, title="A strong answer", look="answer", other=weak, other_title="A weak one")
    yield from one.held.ticks()
    met = yield from _follow_ups(one)
    outcome = yield from one.held.rating()
    return Part(card, outcome, one.felt, met, len(one.follow_ups))


def _follow_ups(one: _Asked) -> Generator[Step, Any, int]:
    """Show the follow-ups with their answers, and return how many of them were met."""
    tried: list[str] = []
    for following, reply in zip(one.follow_ups, one.replies, strict=True):
        wrote = f"You wrote:\n\n{_quoted(reply)}\n\n" if reply else ""
        yield Show(f"{following.asks}\n\n{wrote}{following.answer}", title="A follow-up", look="note")
        if reply is not None:
            tried.append(following.asks)
    if not tried:
        return 0
    return len((yield Tick("Which of the follow-ups did you answer in substance?", tuple(tried))))
