"""The exercises, one file per lesson, and the index that answers questions without loading torch."""

from autograder.exercises.registry import exercises, explanation, index, load, of_topic, prediction

__all__ = ["exercises", "explanation", "index", "load", "of_topic", "prediction"]
