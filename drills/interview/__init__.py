"""A mock interview: main questions with follow-ups, a program, a number; discussed only at its end."""

from drills.interview.opening import MINUTES, open_interview
from drills.interview.script import InterviewError, write_script
from drills.interview.session import InterviewSession, begin

__all__ = ["MINUTES", "InterviewError", "InterviewSession", "begin", "open_interview", "write_script"]
