"""How well each skill is mastered, from cards and from lessons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from autograder.progress import Event
from drills.deck import Deck
from drills.scheduling import Memory


@dataclass(frozen=True)
class Mastery:
    """How well a skill is mastered.

    Parameters
    ----------
    skill : str
    value : float
        0 to 1. The sum of what is known, by `evidence`, over its number and one more: a single right answer
        is no mastery.
    asked : int
        Cards answered and exercises attempted.
    there : int
        Cards and exercises that there are.
    """

    skill: str
    value: float
    asked: int
    there: int


def lesson_skills() -> dict[str, tuple[str, ...]]:
    """The skills of each exercise that a check judges, from the index of the exercises."""
    from autograder.exercises import registry

    return {
        entry["id"]: tuple(entry["skills"])
        for lesson in registry.index()["lessons"]
        for entry in lesson["exercises"]
        if entry["kind"] == "checked"
    }


def mastery(
    deck: Deck,
    known: Mapping[str, Memory],
    events: Iterable[Event],
    today: date,
    exercises: Mapping[str, tuple[str, ...]] | None = None,
) -> list[Mastery]:
    """How well each skill is mastered, the weakest first, and of those the one asked most.

    Parameters
    ----------
    deck : Deck
    known : mapping of str to Memory
        What is known of the cards that were answered.
    events : iterable of Event
        What happened in the lessons.
    today : date
    exercises : mapping of str to tuple of str, optional
        The skills of each exercise; by default `lesson_skills()`.
    """
    skills = {card.id: card.skills for card in deck.cards.values()}
    skills |= lesson_skills() if exercises is None else exercises
    found = evidence(known, events, today)
    by_skill: dict[str, list[float | None]] = {}
    for asked, names in skills.items():
        for name in names:
            by_skill.setdefault(name, []).append(found.get(asked))
    made = []
    for name, values in by_skill.items():
        shown = [value for value in values if value is not None]
        made.append(Mastery(name, sum(shown) / (len(shown) + 1), len(shown), len(values)))
    return sorted(made, key=lambda one: (one.value, -one.asked, one.skill))


def evidence(known: Mapping[str, Memory], events: Iterable[Event], today: date) -> dict[str, float]:
    """What each card and exercise says about its skills, 0 to 1.

    A card: the share of the points that its latest answer had, times the chance that it is still
    remembered. An exercise: the best share of its points; half of it if the worked answer was looked at
    before that.
    """
    found = {card: memory.credit * memory.retrievability(today) for card, memory in known.items()}
    seen: set[str] = set()
    for event in events:
        if event.kind == "solution":
            seen.add(event.exercise)
        elif event.credit is not None:
            worth = event.credit / 2 if event.exercise in seen else event.credit
            found[event.exercise] = max(worth, found.get(event.exercise, 0.0))
    return found
