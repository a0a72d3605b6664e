"""One line from the learner: a command, which is obeyed, or what is read as a reply."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from drills.replies import ReplyError
from drills.terminal.commands import Command, Quit, SkipCard, read
from drills.terminal.keyboard import Keyboard
from drills.terminal.screen import Screen

ALWAYS = (Command.HELP, Command.SKIP, Command.QUIT)
ANSWER = (*ALWAYS, Command.UNKNOWN)
Reply = TypeVar("Reply")


class Prompter:
    """Reads lines and obeys commands.

    Parameters
    ----------
    screen : Screen
    keyboard : Keyboard
    """

    def __init__(self, screen: Screen, keyboard: Keyboard) -> None:
        self.screen, self.keyboard = screen, keyboard

    def reply(
        self,
        parse: Callable[[str], Reply],
        allowed: Collection[Command],
        *,
        taken: Collection[str] = (),
        empty: bool = False,
    ) -> Reply | None:
        """Ask until a line can be read; None if it is given up.

        Parameters
        ----------
        parse : callable
            Reads a line, or raises `ReplyError`.
        allowed : collection of Command
        taken : collection of str
            What is no command here.
        empty : bool
            Whether an empty line is read, too.
        """
        while True:
            typed, command = self.line(allowed, taken)
            if command is Command.UNKNOWN:
                return None
            if not typed.strip() and not empty:
                give_up = ", or x if you do not know." if Command.UNKNOWN in allowed else "."
                self.screen.hint(f"Type an answer{give_up}")
                continue
            try:
                return parse(typed)
            except ReplyError as error:
                self.screen.say(str(error), "wrong")

    def line(
        self, allowed: Collection[Command] = ALWAYS, taken: Collection[str] = ()
    ) -> tuple[str, Command | None]:
        """A line, and the command that it is; what concerns the whole session is obeyed before.

        Raises
        ------
        Quit, SkipCard
            If that was typed, or the input has ended.
        """
        while True:
            try:
                typed = self.keyboard.line()
            except EOFError:
                raise Quit from None
            command = read(typed, allowed, taken)
            if command is Command.QUIT:
                raise Quit
            if command is Command.SKIP:
                raise SkipCard
            if command is not Command.HELP:
                return typed, command
            for one in Command:
                if one in allowed:
                    self.screen.say(f"  {one.letter}  {one.word:<5} {one.does}")
            self.screen.hint("A colon in front (:q) tells a command from a name. Ctrl-C stops, too.")
