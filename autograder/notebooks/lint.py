"""The linter of lessons: sources that cannot mislead a learner, releases that give nothing away."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from autograder.notebooks.rules import (
    EXERCISE_RULES,
    NAME_RULES,
    RELEASE_RULES,
    TEXT_RULES,
    asked_once,
    lessons,
)


def lint(root: Path) -> list[str]:
    """Apply every rule that runs no notebook; see `execution` for those that do.

    Parameters
    ----------
    root : Path
        The clone, with ``solutions/`` and ``notebooks/``.

    Returns
    -------
    list of str
        One sentence per finding, naming file and cell.

    Raises
    ------
    SourceError
        If a source cannot be built at all.
    """
    found: list[str] = []
    for topic, notebooks in groupby(lessons(root), key=lambda lesson: lesson.source.topic):
        together = list(notebooks)
        found += asked_once(topic, together)
        for lesson in together:
            for rule in (*EXERCISE_RULES, *NAME_RULES, *TEXT_RULES):
                found += lesson.say(rule(lesson))
            for rule in RELEASE_RULES:
                found += lesson.say_of_release(rule(lesson))
    return found
