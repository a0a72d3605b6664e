"""A session held at the terminal, from the step where it stands to its end, or until somebody quits."""

from __future__ import annotations

from drills.replies import ReplyError, in_words
from drills.sessions import Said, Session
from drills.steps import AskCode, AskText, Show
from drills.terminal.asking import Asker
from drills.terminal.commands import Quit, SkipCard
from drills.terminal.keyboard import Keyboard
from drills.terminal.screen import Screen


def hold(
    session: Session, screen: Screen, keyboard: Keyboard | None = None, *, command: str = "course drill"
) -> bool:
    """Show and ask until all cards are done; return whether they are.

    Whatever ends it, Ctrl-C included, everything replied so far is kept by the session.

    Parameters
    ----------
    session : Session
    screen : Screen
    keyboard : Keyboard, optional
        By default the standard input.
    command : str
        What goes on with the session after it was ended.
    """
    asker = Asker(session, screen, keyboard or Keyboard())
    for notice in session.notices:
        screen.say(notice, "wrong")
    part = None
    try:
        while session.step is not None:
            if session.part != part:
                part = session.part
                screen.head(session.heading)
                _again(session.seen, screen)
            _step(session, screen, asker)
    except (Quit, KeyboardInterrupt, EOFError):
        kept = f"Kept: `{command}` goes on at this step."
        screen.say("\n" + (kept if session.kept else "Stopped. This session could not be kept."))
        return False
    return True


def _step(session: Session, screen: Screen, asker: Asker) -> None:
    step = session.step
    try:
        if isinstance(step, Show):
            if screen.is_full(step):
                asker.pause()
            screen.show(step)
            session.reply()
        else:
            session.reply(asker.ask())
    except ReplyError as error:
        screen.say(str(error), "wrong")
    except SkipCard:
        session.skip()
        screen.say(session.SKIPPED)


def _again(seen: list[Said], screen: Screen) -> None:
    """What was shown and typed on a card before the session was cut off."""
    for said in seen:
        if isinstance(said.step, Show):
            screen.show(said.step)
        elif isinstance(said.step, AskText | AskCode) and said.reply:
            screen.hint(f"\n{said.step.text} You wrote:")
            screen.say(said.reply)
        elif said.reply is not None:
            screen.hint(f"\n{said.step.text} You said: {in_words(said.step, said.reply)}")
