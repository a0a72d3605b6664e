"""The tables of drills.sqlite. Whatever is written twice stands there once: writing can be repeated."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from autograder.database import Layout
from drills.records.review import Review
from drills.records.settings import Settings
from drills.records.sitting import Reply, Sitting
from drills.steps import Rating

LAYOUT = Layout(
    application_id=0x436C4944,  # "ClID"
    migrations=(
        (
            # Numbers keep the order of writing, which a clock that is moved back does not change.
            "CREATE TABLE reviews(number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, card TEXT NOT NULL, "
            "at TEXT NOT NULL, rating INTEGER NOT NULL CHECK (rating BETWEEN 1 AND 4), "
            "computed INTEGER NOT NULL CHECK (computed BETWEEN 1 AND 4), "
            "credit REAL NOT NULL CHECK (credit BETWEEN 0 AND 1), "
            "confidence REAL CHECK (confidence BETWEEN 0 AND 1), seconds REAL NOT NULL, "
            "said TEXT NOT NULL, missed TEXT NOT NULL, sitting TEXT, place INTEGER)",
            "CREATE TABLE sittings(id TEXT PRIMARY KEY, kind TEXT NOT NULL, queue TEXT NOT NULL, "
            "seed INTEGER NOT NULL, begun TEXT NOT NULL, finished TEXT, holder TEXT NOT NULL)",
            "CREATE TABLE replies(sitting TEXT NOT NULL, number INTEGER NOT NULL, value TEXT NOT NULL, "
            "at TEXT NOT NULL, PRIMARY KEY (sitting, number))",
            "CREATE TABLE settings(name TEXT PRIMARY KEY, value TEXT NOT NULL)",
        ),
    ),
    tables=frozenset({"reviews", "sittings", "replies", "settings"}),
)


def insert_review(connection: sqlite3.Connection, key: str, review: Review) -> None:
    """Write a review, unless one with this key is there."""
    connection.execute(
        "INSERT OR IGNORE INTO reviews(key, card, at, rating, computed, credit, confidence, seconds, said, "
        "missed, sitting, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key,
            review.card,
            review.at.isoformat(),
            int(review.rating),
            int(review.computed or review.rating),
            review.credit,
            review.confidence,
            review.seconds,
            json.dumps(review.said),
            json.dumps(review.missed),
            review.sitting,
            review.place,
        ),
    )


def reviews(connection: sqlite3.Connection) -> list[Review]:
    """All reviews, in the order in which they were written."""
    rows = connection.execute(
        "SELECT card, at, rating, computed, credit, confidence, seconds, said, missed, sitting, place "
        "FROM reviews ORDER BY number"
    )
    return [
        Review(
            card,
            datetime.fromisoformat(at),
            Rating(rating),
            Rating(computed),
            credit,
            confidence,
            seconds,
            tuple(json.loads(said)),
            tuple(json.loads(missed)),
            sitting,
            place,
        )
        for card, at, rating, computed, credit, confidence, seconds, said, missed, sitting, place in rows
    ]


def insert_sitting(connection: sqlite3.Connection, sitting: Sitting, holder: str) -> None:
    """Write a sitting and its replies, unless they are there."""
    connection.execute(
        "INSERT OR IGNORE INTO sittings VALUES (?, ?, ?, ?, ?, NULL, ?)",
        (
            sitting.id,
            sitting.kind,
            json.dumps(sitting.queue),
            sitting.seed,
            sitting.begun.isoformat(),
            holder,
        ),
    )
    for number, reply in enumerate(sitting.replies):
        insert_reply(connection, sitting.id, number, reply)


def insert_reply(connection: sqlite3.Connection, sitting: str, number: int, reply: Reply) -> None:
    """Write a reply, unless it is there."""
    connection.execute(
        "INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?)",
        (sitting, number, json.dumps(reply.value), reply.at.isoformat()),
    )


def take(connection: sqlite3.Connection, sitting: str, holder: str) -> None:
    """Let this process be the one that goes on with a sitting."""
    connection.execute("UPDATE sittings SET holder = ? WHERE id = ?", (holder, sitting))


def holder(connection: sqlite3.Connection, sitting: str) -> str | None:
    """Which process goes on with a sitting; None if the file does not know it."""
    row = connection.execute("SELECT holder FROM sittings WHERE id = ?", (sitting,)).fetchone()
    return row[0] if row else None


def finish(connection: sqlite3.Connection, sitting: str, at: datetime) -> None:
    """Mark a sitting as done with."""
    connection.execute("UPDATE sittings SET finished = ? WHERE id = ?", (at.isoformat(), sitting))


def sitting(connection: sqlite3.Connection, name: str) -> Sitting | None:
    """The sitting with this id, with its replies; None if there is none."""
    return next(iter(_sittings(connection, "id = ?", name)), None)


def unfinished(connection: sqlite3.Connection) -> list[Sitting]:
    """The sittings that are not done with, with their replies, in the order in which they were begun."""
    return _sittings(connection, "finished IS NULL")


def _sittings(connection: sqlite3.Connection, which: str, *values: str) -> list[Sitting]:
    replies: dict[str, list[Reply]] = {}
    for name, value, at in connection.execute(
        f"SELECT sitting, value, at FROM replies WHERE sitting IN (SELECT id FROM sittings WHERE {which}) "
        "ORDER BY sitting, number",
        values,
    ):
        replies.setdefault(name, []).append(Reply(json.loads(value), datetime.fromisoformat(at)))
    rows = connection.execute(
        f"SELECT id, kind, queue, seed, begun FROM sittings WHERE {which} ORDER BY rowid", values
    )
    return [
        Sitting(
            name,
            kind,
            tuple(json.loads(queue)),
            seed,
            datetime.fromisoformat(begun),
            tuple(replies.get(name, ())),
        )
        for name, kind, queue, seed, begun in rows
    ]


def set_all(connection: sqlite3.Connection, values: Iterable[tuple[str, Any]]) -> None:
    """Write settings over those of the same names."""
    rows = [(name, json.dumps(value)) for name, value in values]
    connection.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?)", rows)


def settings(connection: sqlite3.Connection) -> Settings:
    """The settings, with what was never set at its default."""
    found = {name: json.loads(value) for name, value in connection.execute("SELECT * FROM settings")}
    known = {name: found[name] for name in vars(Settings()) if name in found}
    for name in ("interview", "planned"):
        if known.get(name):
            known[name] = date.fromisoformat(known[name])
    return replace(Settings(), **known)


def everything(connection: sqlite3.Connection) -> None:
    """Read all that there is; ValueError if something cannot be understood."""
    try:
        reviews(connection)
        _sittings(connection, "TRUE")
        settings(connection)
    except TypeError as error:
        raise ValueError(str(error)) from error
