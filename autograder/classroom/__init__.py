"""Judging a class: many submissions, each run in isolation, their scores merged into nbgrader's gradebook."""
