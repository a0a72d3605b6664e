"""Which layers of isolation hold in this worker: what it says of itself once it is warm."""

from __future__ import annotations

from autograder.classroom.isolation import describe
from autograder.classroom.warmed import warmed


def held(unsafe: bool = False) -> tuple[str, ...]:
    """Wait for the warmed process; a line says which layers hold and which attacks they stopped.

    Raises
    ------
    IsolationError
        If this machine cannot isolate a notebook, and that is not accepted.
    """
    findings = warmed(unsafe).findings
    assert findings is not None
    return (describe(findings),)
