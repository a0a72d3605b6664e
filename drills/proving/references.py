"""What cards refer to exists: exercises, misconceptions, claims, lessons."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from autograder.exercises.registry import index
from drills.proving.fault import Fault, Findings
from drills.schema import Base, Bug, Code, Topic

CLAIMS = (*(f"C{number}" for number in range(1, 16)), *(f"Q{number}" for number in range(1, 15)))


@cache
def known() -> dict[str, frozenset[str]]:
    """The ids that cards may refer to, by kind, read from the index of the exercises."""
    asked = [entry for lesson in index()["lessons"] for entry in lesson["exercises"]]
    return {
        "lessons": frozenset(lesson["lesson"] for lesson in index()["lessons"]),
        "exercises": frozenset(entry["id"] for entry in asked if entry["kind"] == "checked"),
        "misconceptions": frozenset(id for entry in asked for id in entry["misconceptions"]),
        "skills": frozenset(skill for entry in asked for skill in entry["skills"]),
    }


def reference_faults(card: Base) -> Findings:
    """What a card names that is not there."""
    for place, source in enumerate(card.sources):
        if source[0] in "CQ" and source[1:].isdigit() and source not in CLAIMS:
            yield f"sources.{place}", f"there is no claim {source}"
    for place, misconception in enumerate(card.misconceptions):
        if misconception not in known()["misconceptions"]:
            yield f"misconceptions.{place}", _missing("misconception", misconception)
    for field in ("skills", "sources", "misconceptions"):
        if len(set(getattr(card, field))) < len(getattr(card, field)):
            yield field, "one stands here twice"
    if isinstance(card, Code | Bug) and card.exercise not in known()["exercises"]:
        yield "exercise", _missing("exercise", card.exercise)
    if isinstance(card, Bug):
        if card.misconception not in known()["misconceptions"]:
            yield "misconception", _missing("misconception", card.misconception)
        elif card.misconception.partition(":")[0] != card.exercise:
            yield "misconception", f"{card.misconception} is none of {card.exercise}"


def topic_faults(topics: Sequence[Topic]) -> list[Fault]:
    """Lessons that are not there, and skills that one card alone has and no exercise."""
    cards = [card for topic in topics for card in topic.cards]
    found = [
        Fault(f"{topic.topic}.yaml", "", "lesson", f"there is no lesson {topic.lesson}")
        for topic in topics
        if topic.lesson is not None and topic.lesson not in known()["lessons"]
    ]
    for card in cards:
        for skill in card.skills:
            lonely = sum(skill in other.skills for other in cards) < 2
            if lonely and skill not in known()["skills"]:
                says = f"no exercise and no other card has the skill {skill!r}"
                found.append(Fault(f"{card.topic}.yaml", card.id, "skills", says, warning=True))
    return found


def _missing(what: str, id: str) -> str:
    return f"there is no {what} {id} in autograder/exercises/index.json"
