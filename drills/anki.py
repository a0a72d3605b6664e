"""Cards as a package for Anki.

Ids are derived from the cards' own, so that a later export updates the notes of an earlier one and keeps what
Anki knows of them.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from html import escape
from pathlib import Path

import genanki

from drills.deck import Deck
from drills.html import html
from drills.reading import given, options, shown
from drills.schema import Card, Topic
from drills.steps import Show

NAME = "From CLIP to INT8"
FIELDS = ("Id", "Question", "Answer", "About")
STYLE = """
.card { font: 18px/1.45 sans-serif; text-align: left; max-width: 44em; margin: 0 auto; }
h3 { font-size: 1em; margin: 1.2em 0 0.3em; }
pre { overflow-x: auto; padding: 0.6em; border: 1px solid #8888; }
table { border-collapse: collapse; } td, th { border: 1px solid #8888; padding: 0.2em 0.5em; }
.about { font-size: 0.75em; opacity: 0.7; margin-top: 1.5em; }
"""
FRONT = "{{Question}}"
BACK = '{{FrontSide}}<hr id="answer">{{Answer}}<div class="about">{{About}}</div>'


def export_anki(deck: Deck, path: Path, topics: Iterable[str] = ()) -> int:
    """Write an ``.apkg`` file; return how many cards it holds.

    A numeric card is exported with one draw of its parameters: Anki cannot draw anew.

    Parameters
    ----------
    deck : Deck
    path : Path
        Replaced as a whole, and only if all went well.
    topics : iterable of str
        Only these; by default all.

    Raises
    ------
    KeyError
        If there is no such topic.
    OSError
        If the file cannot be written.
    """
    wanted = set(topics)
    if unknown := wanted - {topic.topic for topic in deck.topics}:
        raise KeyError(min(unknown))
    decks = [_deck(topic) for topic in deck.topics if not wanted or topic.topic in wanted]
    # In the folder where it shall lie: a rename within a file system is whole or nothing.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        genanki.Package(decks).write_to_file(name)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
    return sum(len(deck.notes) for deck in decks)


def _deck(topic: Topic) -> genanki.Deck:
    made = genanki.Deck(_number(f"deck/{topic.topic}"), f"{NAME}::{topic.title}")
    for card in topic.cards:
        made.add_note(_note(card))
    return made


def _note(card: Card) -> genanki.Note:
    question, *answer = shown(card)
    front = html(question.text)
    if program := given(card):
        front += html(f"```python\n{program}\n```")
    if choices := options(card):
        front += "<ol>" + "".join(f"<li>{html(text)}</li>" for text in choices) + "</ol>"
    return genanki.Note(
        _model(),
        fields=[card.id, front, "".join(map(_section, answer)), escape(_about(card))],
        guid=genanki.guid_for(NAME, card.id),
        tags=[_tag(text) for text in (card.topic, card.kind, f"level-{card.level}", *card.skills)],
    )


def _model() -> genanki.Model:
    template = {"name": "Card", "qfmt": FRONT, "afmt": BACK}
    fields = [{"name": name} for name in FIELDS]
    return genanki.Model(_number("model"), NAME, fields=fields, templates=[template], css=STYLE)


def _section(step: Show) -> str:
    title = f"<h3>{escape(step.title)}</h3>" if step.title else ""
    return title + html(step.text)


def _about(card: Card) -> str:
    return f"{card.id} · level {card.level} · {card.minutes:g} min · {', '.join(card.sources)}"


def _tag(text: str) -> str:
    return text.replace(" ", "_")  # a blank ends a tag


def _number(name: str) -> int:
    """An id as Anki wants it: a positive integer of at most 53 bits, the same in every export."""
    digest = hashlib.sha256(f"{NAME}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 12 | 1 << 51
