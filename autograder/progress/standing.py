"""How far a learner has come: the index of the exercises, joined with what was recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from autograder.exercises import registry
from autograder.progress.records import ExerciseSummary, events, summary


@dataclass(frozen=True)
class Item:
    """One exercise of a lesson, as the index knows it, and the best credit for it so far, 0 to 1."""

    id: str
    title: str
    notebook: str
    kind: str
    minutes: int
    points: float
    stretch: bool
    hints: tuple[str, ...]
    misconceptions: Mapping[str, str]
    credit: float

    @property
    def core(self) -> bool:
        """Whether a check judges it and it belongs to what everybody should solve."""
        return self.kind == "checked" and not self.stretch

    @property
    def solved(self) -> bool:
        """Whether an attempt earned full credit."""
        return self.credit == 1.0


@dataclass(frozen=True)
class Lesson:
    """A lesson, its items in the order of its notebooks, and the mistakes met last in it, by title."""

    name: str
    title: str
    items: tuple[Item, ...]
    met: tuple[str, ...]

    @property
    def core(self) -> tuple[Item, ...]:
        """What everybody should solve."""
        return tuple(item for item in self.items if item.core)

    @property
    def stretch(self) -> tuple[Item, ...]:
        """What goes beyond the core."""
        return tuple(item for item in self.items if item.kind == "checked" and item.stretch)

    @property
    def open(self) -> tuple[Item, ...]:
        """The core items that are not solved yet."""
        return tuple(item for item in self.core if not item.solved)

    @property
    def finished(self) -> bool:
        """Whether every core item is solved."""
        return bool(self.core) and not self.open


def lessons() -> list[Lesson]:
    """All lessons in their order, with what this learner achieved."""
    recorded = summary()
    return [_lesson(entry, recorded) for entry in registry.index()["lessons"]]


def from_here(found: Iterable[Lesson]) -> list[Lesson]:
    """The lessons in the order to go on with them.

    First the one of the latest attempt, then those behind it, then the earlier ones: there are several
    ways through the course, and who skipped a lesson is not sent back to it before the end.
    """
    ordered = list(found)
    lesson_of = {item.id: place for place, lesson in enumerate(ordered) for item in lesson.items}
    attempted = [event for event in events() if event.kind == "attempt" and event.exercise in lesson_of]
    here = lesson_of[attempted[-1].exercise] if attempted else 0
    return ordered[here:] + ordered[:here]


def first_passed(exercise_id: str) -> bool:
    """Whether the latest attempt at an exercise is the first one that earned full credit."""
    tried = [event for event in events() if event.kind == "attempt" and event.exercise == exercise_id]
    return sum(event.passed for event in tried) == 1 and tried[-1].passed


def _lesson(entry: Mapping[str, Any], recorded: Mapping[str, ExerciseSummary]) -> Lesson:
    items = tuple(_item(item, recorded.get(item["id"])) for item in entry["exercises"])
    titles = {name: title for item in items for name, title in item.misconceptions.items()}
    tried = [recorded[item.id] for item in items if item.id in recorded]
    latest = max((one for one in tried if one.met_at), key=attrgetter("met_at"), default=None)
    named = (latest.misconception or "").split("+") if latest else []
    met = tuple(titles[misconception] for misconception in named if misconception in titles)
    return Lesson(entry["lesson"], entry["title"], items, met)


def _item(entry: Mapping[str, Any], recorded: ExerciseSummary | None) -> Item:
    return Item(
        id=entry["id"],
        title=entry["title"],
        notebook=entry["notebook"],
        kind=entry["kind"],
        minutes=entry["minutes"],
        points=entry["points"],
        stretch=entry["stretch"],
        hints=tuple(entry["hints"]),
        misconceptions=entry["misconceptions"],
        credit=recorded.best_credit if recorded else 0.0,
    )
