"""What an instructor gets after grading: one page, tables beside it, and no request to anywhere."""

from autograder.classroom.report.overview import Overview, overview
from autograder.classroom.report.page import page
from autograder.classroom.report.tables import tables

__all__ = ["Overview", "overview", "page", "tables"]
