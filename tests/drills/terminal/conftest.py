"""A terminal without a terminal: what is typed comes from a list, what is shown goes into a text."""

import io

import pytest

from drills import sittings
from drills.records import Records
from drills.sessions import Session
from drills.terminal import Screen, hold
from drills.terminal.keyboard import Keyboard


class Typist(Keyboard):
    """Types the lines of a list, then ends the input."""

    def __init__(self, lines, interactive):
        self.lines = list(lines)
        self.interactive = interactive

    def line(self, prompt="> "):
        if not self.lines:
            raise EOFError
        typed = self.lines.pop(0)
        if isinstance(typed, BaseException):
            raise typed
        return typed


class Held:
    """A session of some cards with somebody who types."""

    def __init__(self, deck, tmp_path, *cards):
        self.records = Records(tmp_path / "drills.sqlite")
        self.deck = deck
        self.sitting = sittings.begin(self.records, "drill", [f"tea.{card}" for card in cards], 5)
        self.session = Session(deck.cards, self.records, self.sitting)

    def type(self, *lines, tex=False, encoding="utf-8", to_the_end=True, interactive=False):
        """Type lines until they end; return what was shown, and whether all cards were done."""
        shown = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
        typist = Typist(lines, interactive)
        self.done = hold(self.session, Screen(shown, tex=tex), typist)
        assert not (to_the_end and typist.lines), f"nobody asked for {typist.lines}"
        self.outcomes = self.session.outcomes
        return "\n".join(line.rstrip() for line in shown.buffer.getvalue().decode(encoding).splitlines())

    def again(self):
        """The same sitting in another process."""
        self.session.leave()
        self.records = Records(self.records.path)
        self.session = Session(self.deck.cards, self.records, sittings.pick_up(self.records, "drill"))
        return self


@pytest.fixture(scope="session")
def new_held():
    return Held


@pytest.fixture
def held(deck, tmp_path):
    return lambda *cards: Held(deck, tmp_path, *cards)
