"""Reading cards: the course's own, and those that a learner adds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from pydantic import ValidationError

from drills.schema import Card, Topic

#: The course's own cards.
FOLDER = Path(__file__).parent / "cards"
LIMIT = 1_000_000  # bytes of a file
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is ten times as fast, and not everywhere


class DeckError(Exception):
    """Cards that cannot be used; the message has a line for each fault, with file, card and field."""


@dataclass(frozen=True)
class Deck:
    """Cards by id, and their topics, in the order of their files."""

    topics: tuple[Topic, ...]
    cards: Mapping[str, Card]

    def of_topic(self, name: str) -> tuple[Card, ...]:
        """The cards of a topic.

        Raises
        ------
        KeyError
            If there is no such topic.
        """
        found = [card for topic in self.topics if topic.topic == name for card in topic.cards]
        if not found:
            raise KeyError(name)
        return tuple(found)


def load(*folders: Path) -> Deck:
    """Read all cards of some folders, by default the course's own.

    Raises
    ------
    DeckError
        If a file cannot be read, a card does not fit its schema, or two have the same id.
    """
    faults: list[str] = []
    topics: list[Topic] = []
    cards: dict[str, Card] = {}
    for path in _files(folders or (FOLDER,)):
        try:
            topic = read(path)
        except DeckError as error:
            faults.append(str(error))
            continue
        topics.append(topic)
        for card in topic.cards:
            if card.id in cards:
                faults.append(f"{path.name}, card {card.id}: another file has a card of this id")
            cards[card.id] = card
    if faults:
        raise DeckError("\n".join(faults))
    return Deck(tuple(topics), MappingProxyType(cards))


def read(path: Path) -> Topic:
    """Read one file of cards.

    Raises
    ------
    DeckError
        If it cannot be read, or does not fit the schema.
    """
    try:
        if path.stat().st_size > LIMIT:
            raise DeckError(f"{path.name}: holds over {LIMIT:,} bytes; a topic should be a smaller file")
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise DeckError(f"{path.name}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise DeckError(f"{path.name}: is not UTF-8 at byte {error.start}") from None
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise DeckError(f"{path.name}{line}: is not YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DeckError(f"{path.name}: is not YAML: {error}") from None
    try:
        topic = Topic.model_validate(data)
    except ValidationError as error:
        raise DeckError("\n".join(_said(path.name, data, error))) from None
    if topic.topic != path.stem:
        raise DeckError(f"{path.name}: topic is {topic.topic}; the file should be called {topic.topic}.yaml")
    return topic


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(folder.glob("*.yaml"))


def _said(name: str, data: Any, error: ValidationError) -> Iterator[str]:
    faults = error.errors(include_url=False)
    for fault in faults:
        # A list that lost its faulty items may seem too short: that is no fault of its own.
        inside = [
            one for one in faults if one is not fault and one["loc"][: len(fault["loc"])] == fault["loc"]
        ]
        if fault["type"] == "too_short" and inside:
            continue
        where, field = name, [str(part) for part in fault["loc"]]
        if fault["loc"][:1] == ("cards",) and len(fault["loc"]) > 1:
            place = fault["loc"][1]
            card = data["cards"][place]
            known = card.get("id") if isinstance(card, Mapping) else None
            where += f", card {known}" if known else f", card number {int(place) + 1}"
            field = field[3:]  # without "cards", its place, and its kind
        where += f", {'.'.join(field)}" if field else ""
        yield f"{where}: {fault['msg'].removeprefix('Value error, ')}"
