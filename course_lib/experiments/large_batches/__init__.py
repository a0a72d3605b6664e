"""The measurements of lesson 04. The lesson, the claims ledger and the tests call the same functions."""

from course_lib.experiments.large_batches.bugs import recall_with_three_bugs

__all__ = ["recall_with_three_bugs"]
