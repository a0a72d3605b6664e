"""Judging a program: a process of its own with a time limit runs it through `autograder.examine`."""

from drills.judging.judge import Judged, judge

__all__ = ["Judged", "judge"]
