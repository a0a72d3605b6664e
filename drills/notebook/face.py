"""The frame around a session in JupyterLab: where one stands, what was shown, what is asked, how to leave."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets

from drills import today
from drills.deck import Deck
from drills.notebook.asked import Asked, focus_once_seen
from drills.notebook.asking import asked
from drills.notebook.ending import ending
from drills.notebook.showing import classed
from drills.notebook.style import style
from drills.notebook.ticker import Ticker
from drills.notebook.transcript import Transcript, discard
from drills.notebook.watch import Draft, StopWatch
from drills.one_talk import OneTalk
from drills.replies import ReplyError
from drills.schema import Card, Choice
from drills.sessions import Session
from drills.steps import AskChoice, AskCode, AskConfidence, AskRating, AskText, Show, Tick

#: What stands in the cell's place where no widget can be shown; ipywidgets cuts it at 110 characters.
ELSEWHERE = "This drill shows in JupyterLab; in a terminal there is the command: course drill"


class Face(ipywidgets.VBox):
    """A session in a cell's output.

    Parameters
    ----------
    session : Session
    deck : Deck
        That its cards are from.
    last : callable
        Is told whether the session is finished, and returns the sentence that stands at its end.
    """

    def __init__(self, session: Session, deck: Deck, last: Callable[[bool], str]) -> None:
        self.session = session
        self.asked: Asked | None = None
        self._deck, self._last = deck, last
        self._one_talk = isinstance(session, OneTalk)
        self._counted: Card | None = None  # the card that the stop-watch runs for
        self._judging: threading.Thread | None = None
        self._over = False
        self._alone = threading.RLock()  # the ticker's thread and a judging one touch the same session
        self._watch, self._draft = StopWatch(), Draft(self._keep)
        self._ticker = Ticker(self._tick)
        self._bar = ipywidgets.HTML()
        # A button, since on that the keyboard can be put: the page scrolls there, and one reads on.
        self._head = classed(ipywidgets.Button(tooltip="Where you are"), "drill-heading")
        self._notices = ipywidgets.HTML()
        self._told = [today.going_on(session.begun)] if session.resumed else []
        self._transcript, self._present = Transcript(), ipywidgets.VBox()
        self._foot = self._footer()
        top = classed(ipywidgets.HBox([self._bar, self._head, self._watch.widget]), "drill-head")
        super().__init__(
            [ipywidgets.HTML(style()), top, self._notices, self._transcript, self._present, self._foot]
        )
        self.add_class("drill")
        self._follow(focus=False)

    def __repr__(self) -> str:
        return ELSEWHERE

    def tell(self, sentence: str) -> None:
        """Put a sentence on top, such as one about the drills file."""
        self._told.append(sentence)
        self._tell()

    def reply(self, value: Any) -> None:
        """Answer what is asked."""
        if isinstance(self.session.step, AskCode) and value is not None:
            assert self.asked is not None
            self.asked.lock("Running the checks; this takes some seconds …")
            self._enable_foot(False)
            self._judging = threading.Thread(
                target=self._answer, args=(value,), daemon=True, name="drill-judge"
            )
            self._judging.start()
        else:
            self._answer(value)

    def skip(self) -> None:
        """Leave the present card unrated."""
        with self._alone:
            self._draft.forget()
            self.session.skip()
            self._follow()

    def stop(self, said: str = "") -> None:
        """Stop here; the session can be picked up where it stands."""
        judging = self._judging is not None and self._judging.is_alive()
        with contextlib.nullcontext() if judging else self._alone:
            if not self._over:
                self._draft.flush()
                self.session.leave()
                self._end(said or self._last(False))

    def wait(self, seconds: float = 90.0) -> None:
        """Wait until a program is judged."""
        if self._judging is not None:
            self._judging.join(seconds)

    def _answer(self, value: Any) -> None:
        with self._alone:
            try:
                self.session.reply(value)
            except ReplyError as error:
                assert self.asked is not None
                self.asked.unlock()
                self._enable_foot(True)
                self.asked.say(str(error))
                return
            except Exception as error:  # in a thread nobody else would hear of it
                self._end(f"Something went wrong here: {type(error).__name__}: {error} {self._last(False)}")
                raise
            self._draft.forget()
            self._enable_foot(True)
            self._follow()

    def _follow(self, focus: bool = True) -> None:
        """Show what the session shows now, up to the next question or the end."""
        if self._over:  # stopped while a program was judged
            return
        session = self.session
        passed: list[Show] = []
        while isinstance(session.step, Show):
            passed.append(session.step)
            session.reply()
        news = self._transcript.catch_up(session.seen, passed)
        if session.step is None:
            self._end(self._last(True))
            self._head.focus()
            return
        question = asked(session.step, self.reply, session.draft)
        self._ask(question)
        self._tell()
        self._say_where()
        self._count()
        self._ticker.start()
        if focus and news == "card":
            self._head.focus()  # the page may have been scrolled far below what there is now
        elif focus and (question.typed or (news == "nothing" and question.first)):
            focus_once_seen(question.typed or question.first)

    def _ask(self, question: Asked | None) -> None:
        before, self.asked = self.asked, question
        self._present.children = [question] if question else []
        if question is not None and question.typed is not None:
            question.typed.observe(self._typed, names="value")
        if before is not None:
            discard(before)

    def _say_where(self) -> None:
        session = self.session
        self._head.description = session.heading[:1].upper() + session.heading[1:]
        self._bar.value = (
            f'<progress max="{session.count}" value="{session.place}" aria-hidden="true"></progress>'
        )

    def _count(self) -> None:
        """Let the stop-watch count what an answer takes: one in words by itself, others with their card."""
        step, card = self.session.step, self.session.card
        if isinstance(step, AskText) or card is not self._counted:
            self._watch.reset()
        self._counted = card
        felt = isinstance(step, AskChoice) and not isinstance(card, Choice)  # how it went, in an interview
        if card is None or felt or isinstance(step, AskConfidence | AskRating | Tick):
            self._watch.towards(0.0)
        else:
            self._watch.towards(step.seconds if isinstance(step, AskText) else 60.0 * card.minutes)

    def _footer(self) -> ipywidgets.HBox:
        skip = ipywidgets.Button(description="Skip this card", tooltip="Leaves it unrated; it stays due")
        stop = ipywidgets.Button(description="Stop here", tooltip="Everything is kept")
        skip.on_click(lambda _: self.skip())
        stop.on_click(lambda _: self.asked.once_typed(self.stop) if self.asked else self.stop())
        # An interview has no way around a question but to say that one does not know.
        buttons = [stop] if self._one_talk else [skip, stop]
        return classed(ipywidgets.HBox(buttons), "drill-foot", "drill-buttons")

    def _enable_foot(self, enabled: bool) -> None:
        for button in self._foot.children:
            button.disabled = not enabled

    def _end(self, last: str) -> None:
        self._over = True
        self._ticker.stop()
        self._ask(None)
        self._watch.towards(0.0)
        self._head.description = "The interview is over" if self._one_talk else "The drill is over"
        self._bar.value = ""
        self._tell()
        # An interview ends with its scorecard, which says more.
        outcomes = None if self._one_talk else self.session.outcomes
        self._present.children = [ending(outcomes, self._deck, last)]
        self._foot.layout.display = "none"

    def _tell(self) -> None:
        sentences = [*self._told, *self.session.notices]
        self._notices.value = "".join(f'<p role="status">{escape(sentence)}</p>' for sentence in sentences)

    def _typed(self, change: dict[str, Any]) -> None:
        self._draft.typed(change["new"])
        self._ticker.start()

    def _keep(self, text: str) -> None:
        self.session.draft = text

    def _tick(self) -> bool:
        """What is done every second; return whether to go on."""
        if self._alone.acquire(blocking=False):  # while a program is judged there is nothing to count
            try:
                self._draft.save()
                going = self._watch.show()
            finally:
                self._alone.release()
            return not self._over and (going or self._draft.waits)
        return not self._over
