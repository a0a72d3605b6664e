"""``course drill``: go on where one was cut off, or begin with today's cards."""

from __future__ import annotations

from collections.abc import Collection

from drills import clock, today
from drills.deck import Deck
from drills.own_cards import whole_deck
from drills.planning.words import counted
from drills.records import Records, Sitting, location
from drills.scheduling import Schedule
from drills.sessions import Session
from drills.terminal.conversation import hold
from drills.terminal.screen import Screen
from drills.terminal.summary import summarise


def drill(
    minutes: float | None = None,
    topics: Collection[str] = (),
    card: str | None = None,
    new: int | None = None,
    *,
    tex: bool = False,
) -> None:
    """Hold a session at the terminal.

    Parameters
    ----------
    minutes : float, optional
        How long it should take; by default as long as the learner set.
    topics : collection of str
        Only their cards; by default those of all topics.
    card : str, optional
        Only this card, whether it is due or not.
    new : int, optional
        At most so many cards that were never answered.
    tex : bool
        Show mathematics as TeX.

    Raises
    ------
    DrillError
        If there is no such card or topic.
    DeckError
        If the deck cannot be used.
    """
    screen = Screen(tex=tex)
    deck = whole_deck(screen.say)
    with Records(location(), screen.say) as records:
        if sitting := today.sitting(deck, records, minutes, topics, card, new):
            _hold(deck, records, sitting, screen)
        else:
            screen.say(f"Nothing to do. {today.ahead(Schedule.of(deck, records), clock.now())}")


def _hold(deck: Deck, records: Records, sitting: Sitting, screen: Screen) -> None:
    session = Session(deck.cards, records, sitting, minutes_of=Schedule.of(deck, records).minutes_of)
    if session.resumed:
        screen.say(today.going_on(session.begun))
    else:
        takes = counted(max(1, round(session.minutes_left)), "minute")
        screen.hint(f"{counted(session.count, 'card')}, about {takes}. ? helps, q stops.")
    done = hold(session, screen)
    if done or session.outcomes:
        summarise(session.outcomes, deck, screen, today.ahead(Schedule.of(deck, records), clock.now()))
