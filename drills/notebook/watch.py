"""The stop-watch of a question, and the draft of its answer: both are looked after once a second."""

from __future__ import annotations

import time
from collections.abc import Callable

import ipywidgets

from drills.clock import stopwatch
from drills.notebook.showing import classed

PAUSE = 1.5  # seconds without typing after which a draft is kept
AT_LATEST = 8.0  # and while typing goes on without a pause
ENOUGH = 3600.0  # seconds after which nobody is taken to be there, and the watch stands still


class StopWatch:
    """Counts the seconds of a question; it stops nobody.

    Attributes
    ----------
    widget : HTML
        Where it is read. Screen readers are not told every second.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.widget = classed(ipywidgets.HTML(), "drill-watch")
        self._now = now
        self._since, self._allowed = now(), 0.0

    def reset(self) -> None:
        """Begin anew."""
        self._since = self._now()

    def towards(self, allowed: float) -> None:
        """Count towards so many seconds; 0 hides it."""
        self._allowed = allowed
        self.show()

    def show(self) -> bool:
        """Show the time; return whether it goes on."""
        passed = self._now() - self._since
        if not self._allowed:
            self.widget.value = ""
        elif passed <= ENOUGH:
            over = ", over time" if passed > self._allowed else ""
            words = f"{stopwatch(passed)} of {stopwatch(self._allowed)}{over}"
            self.widget.value = f'<span role="timer" aria-live="off">{words}</span>'
        return passed <= ENOUGH


class Draft:
    """What is typed, handed on to be kept when typing pauses rather than at every key.

    Parameters
    ----------
    keep : callable
        Is given the text.
    now : callable
        Returns seconds.
    """

    def __init__(self, keep: Callable[[str], None], now: Callable[[], float] = time.monotonic) -> None:
        self._keep, self._now = keep, now
        self._text: str | None = None  # typed and not kept yet
        self._changed = self._first = 0.0

    @property
    def waits(self) -> bool:
        """Whether something was typed that is not kept yet."""
        return self._text is not None

    def typed(self, text: str) -> None:
        """Take a text, of which there will be more."""
        now = self._now()
        self._first = now if self._text is None else self._first
        self._text, self._changed = text, now

    def save(self) -> None:
        """Hand it on if typing has paused, or has gone on for long."""
        now = self._now()
        if self._text is not None and (now - self._changed >= PAUSE or now - self._first >= AT_LATEST):
            self.flush()

    def flush(self) -> None:
        """Hand it on now."""
        if self._text is not None:
            text, self._text = self._text, None
            self._keep(text)

    def forget(self) -> None:
        """Its question is answered."""
        self._text = None
