"""One line from the learner: a command, which is obeyed, or what is read as a reply."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from drills.replies import ReplyError
from drills.terminal.commands import Command, Quit, SkipCard, read
from drills.terminal.keyboard import MORE, Keyboard
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
            self.screen.page.turn()
            command = read(typed, allowed, taken)
            if command is not Command.HELP:
                _obey(command)
                return typed, command
            self._help(allowed)

    def pause(self) -> None:
        """Wait until somebody has read what is there, if somebody is there.

        Raises
        ------
        Quit, SkipCard
            If that was typed.
        """
        if self.keyboard.interactive:
            self.screen.hint("\nEnter shows the rest.")
            self.line()

    def block(
        self, lines: list[str], end: str, keep: Callable[[str], None], allowed: Collection[Command]
    ) -> Command | None:
        """Read on after `lines`, until a line `end`, the end of the input, or a command.

        Here a command has a colon in front: any other line belongs to the text.

        Parameters
        ----------
        lines : list of str
            What is there already; what is typed is added to it.
        end : str
            The line that ends the text, and is not part of it.
        keep : callable
            Is given the whole text after each line.
        allowed : collection of Command

        Returns
        -------
        Command or None
            What was typed instead of going on.

        Raises
        ------
        Quit, SkipCard
            If that was typed.
        """
        while True:
            try:
                typed = self.keyboard.line(MORE)
            except EOFError:
                return None
            if typed.rstrip() == end:
                return None
            command = read(typed, allowed) if typed.startswith(":") else None
            _obey(command)
            if command is Command.HELP:
                self._help(allowed)
            elif command:
                return command
            else:
                lines += typed.split("\n")
                keep("\n".join(lines))

    def _help(self, allowed: Collection[Command]) -> None:
        for one in Command:
            if one in allowed:
                self.screen.say(f"  {one.letter}  {one.word:<5} {one.does}")
        self.screen.hint("With a colon in front (:q) it is a command in any case. Ctrl-C stops, too.")


def _obey(command: Command | None) -> None:
    """Obey what concerns the whole session."""
    if command is Command.QUIT:
        raise Quit
    if command is Command.SKIP:
        raise SkipCard
