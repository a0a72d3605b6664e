"""The end of a session: how the cards went, whether confidence was justified, where to read on."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from drills.asking import Outcome
from drills.deck import Deck
from drills.steps import Rating
from drills.summary import remarks, row
from drills.terminal.screen import Screen

_STYLES = {Rating.AGAIN: "wrong", Rating.HARD: "weak", Rating.GOOD: "right", Rating.EASY: "right"}


def summarise(outcomes: Sequence[Outcome], deck: Deck, screen: Screen, tomorrow: str = "") -> None:
    """Print the end of a session.

    Parameters
    ----------
    outcomes : sequence of Outcome
    deck : Deck
        That the cards are from.
    screen : Screen
    tomorrow : str
        A sentence on what comes next.
    """
    if not outcomes:
        screen.say("No card was answered.")
    else:
        screen.head("How it went")
        screen.console.print(_table(outcomes))
        for line in remarks(outcomes, deck):
            screen.say(line)
    if tomorrow:
        screen.say(tomorrow)


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("card", ratio=1)
    table.add_column("rating", no_wrap=True)
    table.add_column("credit", justify="right")
    table.add_column("time", justify="right")
    for one in outcomes:
        card, rating, credit, time = row(one)
        table.add_row(card, Text(rating, style=_STYLES[one.rating]), credit, time)
    return table
