"""The one kind of error that a command reports as a sentence, without a traceback."""

__all__ = ["CourseError"]


class CourseError(RuntimeError):
    """Something the person at the terminal can put right; the message says what and how."""
