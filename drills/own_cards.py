"""The learner's own cards: added once they are proved, and drilled beside the course's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from drills.deck import Deck, DeckError, load, read
from drills.records.location import location
from drills.schema import Topic


def folder() -> Path | None:
    """Where the learner's cards are kept: beside the reviews; None while nothing is to be kept."""
    records = location()
    return records.parent / "cards" if records else None


def whole_deck(say: Callable[[str], None] = print) -> Deck:
    """The course's cards and the learner's.

    A file of the learner's that cannot be used is left out, and `say` is told why: it keeps nobody from
    drilling the rest.
    """
    course = load()
    own = folder()
    topics, cards = list(course.topics), dict(course.cards)
    for path in sorted(own.glob("*.yaml")) if own else ():
        try:
            topic = read(path)
            _fits_beside(topic, course)
        except DeckError as error:
            say(f"Some cards of yours are left out. {error}")
            continue
        topics.append(topic)
        cards |= {card.id: card for card in topic.cards}
    return Deck(tuple(topics), MappingProxyType(cards))


def add(path: Path) -> Topic:
    """Prove a file of cards and copy it to the learner's; an earlier one of its name is kept as ``.old``.

    Raises
    ------
    DeckError
        If a card is not in order, its topic is one of the course's, or there is no place for it.
    """
    from drills.proving import prove, prove_programs  # programs load torch, and only then

    topic = read(path)
    _fits_beside(topic, load())
    faults = [fault for card in topic.cards for fault in (*prove(card), *prove_programs(card))]
    serious = [str(fault) for fault in faults if not fault.warning]
    if serious:
        raise DeckError("\n".join(serious))
    own = folder()
    if own is None:
        raise DeckError("COURSE_DRILLS is off: there is no place for cards of your own.")
    try:
        own.mkdir(parents=True, exist_ok=True)
        target = own / path.name
        if target.exists() and target.samefile(path):
            return topic
        fresh = own / f".{path.name}.{os.getpid()}"
        shutil.copyfile(path, fresh)
        if target.exists():
            os.replace(target, target.with_name(f"{target.name}.old"))
        os.replace(fresh, target)
    except OSError as error:
        raise DeckError(f"{own}: the cards cannot be copied there: {error.strerror or error}") from None
    return topic


def _fits_beside(topic: Topic, course: Deck) -> None:
    if topic.topic in {known.topic for known in course.topics}:
        raise DeckError(f"{topic.topic}.yaml: the course has this topic; give your cards another one.")
