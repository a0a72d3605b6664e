"""``course interview``: a mock interview at the terminal."""

from __future__ import annotations

from collections.abc import Collection

from drills.interview import open_interview
from drills.own_cards import whole_deck
from drills.records import Records, location
from drills.terminal.conversation import hold
from drills.terminal.screen import Screen


def interview(minutes: float | None = None, topics: Collection[str] = (), *, tex: bool = False) -> None:
    """Hold an interview; one that was cut off goes on.

    Raises
    ------
    InterviewError
        If there is none to be made of what was asked for.
    """
    screen = Screen(tex=tex)
    deck = whole_deck(screen.say)
    with Records(location(), screen.say) as records:
        session = open_interview(deck, records, minutes, topics)
        if session.resumed:
            begun = f"{session.begun.astimezone():%d %B, %H:%M}"
            screen.say(f"Going on with the interview of {session.minutes:g} minutes, begun {begun}.")
        else:
            screen.hint("? helps, q stops, and `course interview` goes on.")
        if not hold(session, screen, command="course interview"):
            return
        screen.hint("Its answers count like those of cards: `course drill` brings again what was weak.")
