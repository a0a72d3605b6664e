"""Asking, step by step: what is printed above the prompt, and how what was typed becomes a reply."""

from __future__ import annotations

from typing import Any

from drills.replies import checked
from drills.sessions import Session
from drills.steps import (
    AskChoice,
    AskCode,
    AskConfidence,
    AskFormula,
    AskLine,
    AskNumber,
    AskRating,
    AskText,
    Tick,
)
from drills.terminal import reading
from drills.terminal.keyboard import Keyboard
from drills.terminal.prompting import ALWAYS, ANSWER, Prompter
from drills.terminal.screen import Screen
from drills.terminal.writing import Writer


class Asker:
    """Asks the present step of a session.

    Parameters
    ----------
    session : Session
    screen : Screen
    keyboard : Keyboard
    """

    def __init__(self, session: Session, screen: Screen, keyboard: Keyboard) -> None:
        self._session, self._screen = session, screen
        self._prompter = Prompter(screen, keyboard)
        self.pause = self._prompter.pause
        self._writer = Writer(session, self._prompter)

    def ask(self) -> Any:
        """Ask, and return the reply.

        Raises
        ------
        Quit, SkipCard
            If that was typed instead.
        """
        self._screen.console.print()
        match self._session.step:
            case AskConfidence() as step:
                return self._confidence(step)
            case AskText() as step:
                return self._writer.words(step)
            case AskCode() as step:
                return self._writer.code(step)
            case AskNumber() as step:
                return self._number(step)
            case AskFormula() as step:
                return self._formula(step)
            case AskChoice() as step:
                return self._choice(step)
            case AskLine() as step:
                return self._line(step)
            case Tick() as step:
                return self._tick(step)
            case AskRating() as step:
                return self._rating(step)
            case step:
                raise TypeError(f"this face cannot ask {type(step).__name__}")

    def _confidence(self, step: AskConfidence) -> float | None:
        levels = "   ".join(f"{place}: {100 * level:.0f} %" for place, level in enumerate(step.levels, 1))
        self._screen.prose(step.text)
        self._screen.say(f"{levels}   Enter: unsaid")
        return self._prompter.reply(lambda typed: reading.confidence(typed, step.levels), ALWAYS, empty=True)

    def _number(self, step: AskNumber) -> str | None:
        self._screen.prose(step.text + (f" (in {step.unit})" if step.unit else ""))
        self._screen.hint("A number, or what it is computed from, such as 2*7e9/10^9.")
        return self._prompter.reply(lambda typed: str(checked(step, typed)), ANSWER)

    def _formula(self, step: AskFormula) -> str | None:
        self._screen.prose(step.text)
        self._screen.prose("\n".join(f"- `{name}` {means}" for name, means in step.names.items()))
        self._screen.hint("Typed like 2*log(N)/tau, |x|^2 or sum(exp(x)).")
        return self._prompter.reply(lambda typed: str(checked(step, typed)), ANSWER, taken=step.names)

    def _choice(self, step: AskChoice) -> int | None:
        letters = reading.LETTERS[: len(step.options)]
        for letter, option in zip(letters, step.options, strict=True):
            self._screen.prose(f"**{letter})** {option}")
        self._screen.prose(step.text)
        # A letter of an option is that option, whatever else it could mean.
        return self._prompter.reply(
            lambda typed: reading.choice(typed, len(step.options)), ANSWER, taken=letters
        )

    def _line(self, step: AskLine) -> int | None:
        self._screen.code(step.code, numbered=True)
        self._screen.prose(step.text)
        return self._prompter.reply(lambda typed: reading.line(typed, len(step.code.splitlines())), ANSWER)

    def _tick(self, step: Tick) -> list[int]:
        typed = [said.reply for said in self._session.seen if isinstance(said.step, AskText) and said.reply]
        if typed:  # it has scrolled away
            self._screen.hint("What you wrote:")
            self._screen.say("\n".join(typed))
            self._screen.console.print()
        self._screen.prose(step.text)
        must = [" *(a must)*" if place in step.musts else "" for place in range(len(step.points))]
        numbered = enumerate(zip(step.points, must, strict=True), 1)
        self._screen.prose("\n".join(f"{number}. {point}{must}" for number, (point, must) in numbered))
        many = len(step.points) > 1
        self._screen.hint("Their numbers, such as 1 2; or all, or none." if many else "Type 1, or none.")
        had = self._prompter.reply(lambda typed: reading.places(typed, len(step.points)), ALWAYS, empty=True)
        return had or []

    def _rating(self, step: AskRating) -> int | None:
        self._screen.prose(f"**{step.computed.name.capitalize()}**: {step.reason}")
        self._screen.hint("Enter keeps it; or 1 Again, 2 Hard, 3 Good, 4 Easy: how soon it comes back.")
        return self._prompter.reply(reading.rating, ALWAYS, empty=True)
