"""Something done every second, as long as somebody is there to see it."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Ticker:
    """Calls a function again and again from a thread of its own, until it is stopped.

    Parameters
    ----------
    do : callable
        Returns whether to go on.
    every : float
        Seconds in between.
    """

    def __init__(self, do: Callable[[], bool], every: float = 1.0) -> None:
        self._do, self._every = do, every
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, unless it runs already."""
        if self._thread is None or not self._thread.is_alive():
            self._stopped.clear()
            self._thread = threading.Thread(target=self._run, daemon=True, name="drill-ticker")
            self._thread.start()

    def stop(self) -> None:
        """Stop; what is being done is done to its end."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._every) and self._do():
            pass
