"""The linter's rules. Each is a small function that yields what it finds: the cell and one sentence."""

from autograder.notebooks.rules.exercises import EXERCISE_RULES, asked_once
from autograder.notebooks.rules.lesson import Lesson, lessons
from autograder.notebooks.rules.names import NAME_RULES
from autograder.notebooks.rules.release import RELEASE_RULES
from autograder.notebooks.rules.text import TEXT_RULES

__all__ = [
    "EXERCISE_RULES",
    "NAME_RULES",
    "RELEASE_RULES",
    "TEXT_RULES",
    "Lesson",
    "asked_once",
    "lessons",
]
