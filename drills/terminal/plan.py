"""``course plan``: a diagnostic for who is new, then each day's cards and exercises until an interview."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date

from rich.table import Table

from drills import clock, sittings
from drills.deck import Deck
from drills.own_cards import whole_deck
from drills.planning import Plan
from drills.planning.learner import plan_of
from drills.planning.talk import KIND, DiagnosticSession
from drills.planning.words import counted
from drills.records import Records, location
from drills.terminal.conversation import hold
from drills.terminal.screen import Screen

SHOWN = 14  # days
TOPICS = 2  # of a day
DIAGNOSTIC = "course plan --diagnostic"


def show_plan(
    interview: date | None = None,
    minutes: int | None = None,
    *,
    clear: bool = False,
    diagnostic: bool | None = None,
    everything: bool = False,
    tex: bool = False,
) -> None:
    """Set the date if one is given, and print the plan as it is from today on.

    Parameters
    ----------
    interview : date, optional
        By default the one that was set before.
    minutes : int, optional
        Of a day; by default as many as were set before.
    clear : bool
        Forget the date.
    diagnostic : bool, optional
        Whether to begin with the diagnostic; by default if no card was answered yet and somebody is there.
    everything : bool
        Print all days.
    tex : bool
        Mathematics of the diagnostic as TeX.

    Raises
    ------
    PlanError
        If there is no date, or no plan to be laid for it; nothing is changed then.
    """
    screen = Screen(tex=tex)
    deck = whole_deck(screen.say)
    with Records(location(), screen.say) as records:
        if clear:
            records.change_settings(replace(records.settings(), interview=None, planned=None))
            screen.say("There is no date any more: intervals grow as they will.")
            return
        found = plan_of(deck, records, clock.now(), interview, minutes)
        new = not records.reviews()
        if diagnostic or (diagnostic is None and new and sys.stdin.isatty()):
            if not _diagnose(deck, records, screen):
                screen.hint("So far, the plan:")
            found = plan_of(deck, records, clock.now())
        elif new and diagnostic is None:
            screen.hint(f"`{DIAGNOSTIC}` shows in 15 minutes where to begin.")
        _show(found, len(deck.cards), screen, everything)


def _diagnose(deck: Deck, records: Records, screen: Screen) -> bool:
    """Hold the diagnostic, or the rest of it; return whether it came to its end."""
    sitting = sittings.pick_up(records, KIND) or sittings.begin(records, KIND, ())
    session = DiagnosticSession(deck, records, sitting)
    if session.resumed:
        screen.say("Going on with the diagnostic.")
    else:
        screen.say(
            "First a diagnostic of about 15 minutes: where do you stand? x says that you do not know, which "
            f"helps more than guessing. q leaves it for later: `{DIAGNOSTIC}` goes on."
        )
    return hold(session, screen, command=DIAGNOSTIC)


def _show(found: Plan, cards: int, screen: Screen, everything: bool) -> None:
    days = found.days if everything else found.days[:SHOWN]
    screen.head(f"{counted(len(found.days), 'day')} to {found.interview:%A, %d %B %Y}")
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("day", no_wrap=True)
    table.add_column("cards", justify="right", no_wrap=True)
    table.add_column("min", justify="right", no_wrap=True)
    table.add_column("topics; exercises to solve in their lessons", ratio=1)
    for day in days:
        topics = sorted(day.minutes, key=day.minutes.__getitem__, reverse=True)
        what = ["diagnostic"] if day.diagnostic else []
        more = f" and {len(topics) - TOPICS} more" if len(topics) > TOPICS else ""
        what += [", ".join(topics[:TOPICS]) + more] if topics else []
        exercises = ", ".join(item.id for item in day.exercises)
        what += [f"exercises: {exercises}"] if exercises else []
        number = f"{len(day.cards)}" + (f" ({day.again} again)" if day.again else "")
        table.add_row(f"{day.day:%a %d %b}", number, f"{day.total:.0f}", "\n".join(what) or "rest")
    screen.console.print(table)
    if len(days) < len(found.days):
        screen.hint(f"and {counted(len(found.days) - len(days), 'day')} more: --all shows them")
    for note in found.notes:
        screen.say(note)
    known = found.known * cards
    screen.say(f"At the interview you should remember about {known:.0f} of the {counted(cards, 'card')}.")
    screen.hint("`course drill` brings today's cards. Miss a day, and the plan starts from where you are.")
