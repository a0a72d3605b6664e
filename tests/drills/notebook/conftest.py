"""A session in widgets, without a browser."""

from __future__ import annotations

import pytest

from drills import sittings
from drills.notebook import Face
from drills.records import Records
from drills.sessions import Session


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "drills.sqlite")


@pytest.fixture
def begin(deck):
    """Begin a session without a face."""
    return lambda records, *queue: Session(deck.cards, records, sittings.begin(records, "drill", queue, 5))


@pytest.fixture
def face(deck, records, begin):
    """Make a face for some cards; all that were made are stopped at the end."""
    made = []

    def make(*queue, session=None):
        session = session or begin(records, *queue)
        made.append(Face(session, deck, lambda finished: "finished" if finished else "stopped"))
        return made[-1]

    yield make
    for one in made:
        one.stop()
