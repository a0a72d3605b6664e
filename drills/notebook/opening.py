"""``drills.session()``: the same drill as in the terminal, in a cell's output."""

from __future__ import annotations

from collections.abc import Sequence

from IPython import get_ipython

from drills import clock, today
from drills.deck import Deck
from drills.interview import InterviewError, open_interview
from drills.notebook.face import ELSEWHERE, Face
from drills.own_cards import whole_deck
from drills.records import Records, location
from drills.scheduling import Schedule
from drills.sessions import Session

KEPT = "Kept. Run this cell again to go on at this step."
NOT_KEPT = "Stopped. This session could not be kept."
_open: list[Face] = []  # the one that is held in this kernel


def session(
    minutes: float | None = None,
    topic: str | Sequence[str] = (),
    card: str | None = None,
    *,
    interview: bool = False,
    new: int | None = None,
) -> Face | None:
    """Hold a session in JupyterLab; see `drills.session`."""
    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        print(ELSEWHERE)
        return None
    for face in _open:
        face.stop("This drill goes on where it was opened last.")
    _open.clear()
    said: list[str] = []
    records = Records(
        location(), lambda sentence: _open[0].tell(sentence) if _open else said.append(sentence)
    )
    deck = whole_deck(said.append)
    topics = [topic] if isinstance(topic, str) else list(topic)
    try:
        opened: Session | None = (
            open_interview(deck, records, minutes, topics)
            if interview
            else _drill(deck, records, minutes, topics, card, new)
        )
    except (today.DrillError, InterviewError) as error:
        print(error)
        return None
    if opened is None:
        print("Nothing to do. " + today.ahead(Schedule.of(deck, records), clock.now()))
        return None

    def last(finished: bool) -> str:
        records.close()
        if not finished:
            return KEPT if opened.kept else NOT_KEPT
        return "" if interview else today.ahead(Schedule.of(deck, records), clock.now())

    face = Face(opened, deck, last)
    for sentence in said:
        face.tell(sentence)
    _open.append(face)
    return face


def _drill(
    deck: Deck,
    records: Records,
    minutes: float | None,
    topics: Sequence[str],
    card: str | None,
    new: int | None,
) -> Session | None:
    sitting = today.sitting(deck, records, minutes, topics, card, new)
    if sitting is None:
        return None
    return Session(deck.cards, records, sitting, minutes_of=Schedule.of(deck, records).minutes_of)
