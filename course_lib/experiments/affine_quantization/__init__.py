"""The measurements of lesson 06. The lesson, the claims ledger and the tests call the same functions."""

from course_lib.experiments.affine_quantization.bugs import BuggyRows, buggy_rows, rows_with_three_bugs

__all__ = ["BuggyRows", "buggy_rows", "rows_with_three_bugs"]
