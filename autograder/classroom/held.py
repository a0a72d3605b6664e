"""Which layers of isolation hold in this worker: what it says of itself once it is warm."""

from __future__ import annotations

from autograder.classroom.warmed import warmed


def held(unsafe: bool = False) -> tuple[str, ...]:
    """Wait for the warmed process, and name the layers that hold.

    Raises
    ------
    IsolationError
        If this machine cannot isolate a notebook, and that is not accepted.
    """
    return tuple(layer.name for layer in warmed(unsafe).process.layers if layer.held)
