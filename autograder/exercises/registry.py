"""Find what a lesson asks: ``infonce.clip_loss`` lives in ``exercises/infonce/clip_loss.py``."""

from __future__ import annotations

import importlib
import json
import pkgutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from autograder.exercise import Exercise
    from autograder.open_questions import Explanation, Prediction

INDEX = Path(__file__).with_name("index.json")
Asked = TypeVar("Asked")


@cache
def index() -> dict[str, Any]:
    """What can be known of the exercises without torch: built from them by ``course build``."""
    return json.loads(INDEX.read_text(encoding="utf-8"))


def exercises() -> list[str]:
    """The ids of all exercises that a check judges, in the order of the lessons."""
    return [
        entry["id"]
        for lesson in index()["lessons"]
        for entry in lesson["exercises"]
        if entry["kind"] == "checked"
    ]


def load(exercise_id: str) -> Exercise:
    """The exercise with this id; KeyError if there is none."""
    from autograder.exercise import Exercise

    return _find(exercise_id, Exercise)


def explanation(explanation_id: str) -> Explanation:
    """The explanation with this id; KeyError if there is none."""
    from autograder.open_questions import Explanation

    return _find(explanation_id, Explanation)


def prediction(prediction_id: str) -> Prediction:
    """The prediction with this id; KeyError if there is none."""
    from autograder.open_questions import Prediction

    return _find(prediction_id, Prediction)


@cache
def of_topic(topic: str) -> dict[str, Any]:
    """Everything that the lesson of this topic asks, by id; KeyError if there is no such topic."""
    folder = INDEX.with_name(topic)
    if not topic.isidentifier() or not folder.is_dir():
        raise KeyError(topic)
    names = sorted(module.name for module in pkgutil.iter_modules([str(folder)]))
    asked = [importlib.import_module(f"autograder.exercises.{topic}.{name}").asked for name in names]
    return {one.id: one for one in asked}


def _find(asked_id: str, kind: type[Asked]) -> Asked:
    topic, _, name = asked_id.partition(".")
    if not (topic.isidentifier() and name.isidentifier() and (INDEX.parent / topic / f"{name}.py").exists()):
        raise KeyError(asked_id)
    asked = importlib.import_module(f"autograder.exercises.{topic}.{name}").asked
    if not isinstance(asked, kind):
        raise KeyError(asked_id)
    return asked
