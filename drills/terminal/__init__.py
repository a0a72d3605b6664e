"""The terminal's face of a session, with rich."""

from drills.terminal.conversation import hold
from drills.terminal.screen import Screen
from drills.terminal.summary import summarise

__all__ = ["Screen", "hold", "summarise"]
