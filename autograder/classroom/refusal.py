"""The one error of reports, exports and feedback: a sentence for the instructor."""


class ReportError(Exception):
    """What was asked for cannot be written, and why."""
