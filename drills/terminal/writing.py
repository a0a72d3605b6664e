"""Answers of more than a line: words, said or typed, and programs; here or in an editor."""

from __future__ import annotations

import ast
import time

from drills.clock import stopwatch
from drills.sessions import Session
from drills.steps import AskCode, AskText
from drills.terminal import editor
from drills.terminal.commands import Command
from drills.terminal.prompting import ANSWER, Prompter

WORDS = (*ANSWER, Command.ALOUD, Command.EDIT)
CODE = (*ANSWER, Command.EDIT)
WORDS_END, CODE_ENDS = "", "."


class Writer:
    """Asks for texts. What is typed is kept line by line, so that nothing of it can be lost.

    Parameters
    ----------
    session : Session
    prompter : Prompter
    """

    def __init__(self, session: Session, prompter: Prompter) -> None:
        self._session, self._prompter, self._screen = session, prompter, prompter.screen

    def words(self, step: AskText) -> str | None:
        """An answer in words; empty if it was said aloud, None if it is given up."""
        screen = self._screen
        screen.prose(step.text)
        screen.hint("An empty line ends it. s: say it aloud, e: editor, x: I do not know, ?: help")
        lines = self._drafted()
        watch = time.monotonic()
        while True:
            typed, command = self._prompter.line(WORDS)
            if command is None and typed.strip():
                lines += typed.split("\n")
                self._keep("\n".join(lines))
                command = self._prompter.block(lines, WORDS_END, self._keep, WORDS)
            if command is Command.UNKNOWN:
                return None
            if command is Command.ALOUD:
                screen.hint("Speak; Enter when you are done.")
                self._prompter.line()
                self._took(watch, step.seconds)
                return ""
            if command is Command.EDIT:
                edited = self._edited("\n".join(lines), ".md")
                if edited is None:
                    continue
                lines = edited.split("\n")
                screen.say(edited)
            text = "\n".join(lines)
            if text.strip():
                self._took(watch, step.seconds)
                return text
            screen.hint("Nothing is typed yet. s says it aloud, x gives it up.")

    def code(self, step: AskCode) -> str | None:
        """A program; None if it is given up."""
        screen = self._screen
        screen.prose(step.text)
        text = self._session.draft or step.starter
        screen.code(text)
        screen.hint("e: your editor; what is saved there is handed in. x: I do not know, ?: help")
        screen.hint("Or type the whole program; a line with only a full stop ends it.")
        if self._session.draft:
            screen.hint("Enter: hand in what stands above")
        watch = time.monotonic()
        while True:
            typed, command = self._prompter.line(CODE)
            if command is None and typed.strip():
                lines = typed.split("\n")
                self._keep("\n".join(lines))
                command = self._prompter.block(lines, CODE_ENDS, self._keep, CODE)
                text = "\n".join(lines) + "\n"
            if command is Command.UNKNOWN:
                return None
            if command is Command.EDIT:
                edited = self._edited(text, ".py")
                if edited is None:
                    continue
                text = edited
                screen.code(text)
            if slip := _unreadable(text):
                screen.say(f"{slip} This costs no try: e opens it again.", "wrong")
            elif text.strip() and text.strip() != step.starter.strip():
                self._took(watch, step.seconds)
                screen.hint("Running the checks; this takes some seconds ...")
                return text
            else:
                screen.hint("Nothing is changed yet. e opens the editor, x gives it up.")

    def _drafted(self) -> list[str]:
        draft = self._session.draft
        if not draft:
            return []
        self._screen.hint("You had begun, and can go on; an empty line hands it in:")
        self._screen.say(draft)
        return draft.split("\n")

    def _edited(self, text: str, suffix: str) -> str | None:
        """What the editor saved; None if it did not work, which hands nothing in."""
        try:
            text = editor.edit(text, suffix)
        except editor.NoEditor as error:
            self._screen.say(str(error), "wrong")
            return None
        self._keep(text)
        return text

    def _keep(self, text: str) -> None:
        self._session.draft = text

    def _took(self, since: float, allowed: float) -> None:
        self._screen.hint(f"Time: {stopwatch(time.monotonic() - since)} of {stopwatch(allowed)}")


def _unreadable(program: str) -> str:
    """Why a text is no Python at all; empty if it may be some."""
    try:
        ast.parse(program)
    except SyntaxError as error:
        return f"Line {error.lineno} is not Python: {error.msg}."
    except (ValueError, RecursionError, MemoryError):  # which the judge, in a process of its own, will tell
        return ""
    return ""
