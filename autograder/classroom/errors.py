"""The one kind of error that grading a class, reports and feedback tell as a sentence."""


class GradingError(RuntimeError):
    """Something the instructor can put right; the message says what and how. Nothing graded is lost by it."""
