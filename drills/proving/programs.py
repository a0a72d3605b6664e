"""The proof of programs, with the judge of the exercises: what passes, what fails, and what it is called."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from drills.judging.process import judged
from drills.proving.fault import Fault, Finding
from drills.proving.references import known
from drills.schema import Bug, Card, Code


def prove_programs(card: Card) -> list[Fault]:
    """What is wrong with the programs of a card; loads torch if it has any.

    They are the course's own, so they run in this process.
    """
    if not isinstance(card, Code | Bug) or card.exercise not in known()["exercises"]:
        return []  # the exercise that is missing is told by `prove`
    findings = _code_faults(card) if isinstance(card, Code) else _bug_faults(card)
    return [Fault(f"{card.topic}.yaml", card.id, field, says) for field, says in findings]


def _code_faults(card: Code) -> Iterator[Finding]:
    yield from _must_pass(card.exercise, "solution", card.solution)
    found = _judged(card.exercise, card.starter)
    if found["passed"] or found["credit"]:
        yield "starter", f"earns {found['credit']:.0%} of the points"


def _bug_faults(card: Bug) -> Iterator[Finding]:
    yield from _must_pass(card.exercise, "fix", card.fix)
    found = _judged(card.exercise, card.code)
    if found["passed"]:
        yield "code", "passes: it has no bug that the exercise finds"
    elif found["misconception"] != card.misconception:
        named = found["misconception"] or "nothing"
        yield "code", f"is recognised as {named}, not as {card.misconception}: {_first(found)}"


def _must_pass(exercise: str, field: str, program: str) -> Iterator[Finding]:
    found = _judged(exercise, program)
    if not found["passed"] or found["credit"] < 1:
        yield field, f"does not pass: {_first(found)}"


def _judged(exercise: str, program: str) -> dict[str, Any]:
    """What a learner would read who gave this program."""
    with tempfile.TemporaryDirectory(prefix="course-proof-") as folder:
        path = Path(folder, "program.py")
        path.write_text(program, encoding="utf-8")
        return judged(exercise, path)


def _first(found: dict[str, Any]) -> str:
    return " · ".join(line.strip() for line in found["text"].splitlines()[:3])
