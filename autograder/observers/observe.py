"""One entrance for every kind of observer, and their form on the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from autograder.case import Case
from autograder.observation import Observation
from autograder.observers.function import FunctionObserver
from autograder.observers.learner_test import LearnerTestObserver, Remote
from autograder.observers.state import StateObserver

Observer = FunctionObserver | StateObserver | LearnerTestObserver
_KINDS: dict[str, Callable[..., Observer]] = {
    kind.kind: kind for kind in (FunctionObserver, StateObserver, LearnerTestObserver)
}


def observe(
    observer: Observer, answer: Callable[..., Any], case: Case, remote: Remote | None = None
) -> Observation:
    """Run `answer` once on `case`. The only part of judging on the answer's side."""
    return observer.observe(answer, case, remote)


def trusting(observer: Observer) -> Observer:
    """The observer for code of ours: no time limit, free to call references, not looked into."""
    if isinstance(observer, FunctionObserver):
        observer = replace(observer, intermediates=False)
    return replace(observer, seconds=None, watch=())


def to_json(observer: Observer) -> dict[str, Any]:
    """An observer as JSON, so that it can be rebuilt in another process."""
    return {"kind": observer.kind, **asdict(observer)}


def from_json(described: dict[str, Any]) -> Observer:
    """Rebuild what `to_json` described."""
    arguments = {k: tuple(v) if isinstance(v, list) else v for k, v in described.items() if k != "kind"}
    return _KINDS[described["kind"]](**arguments)
