"""nbgrader's own steps, on the folders of this course; docs/classroom.md says how to use them.

nbgrader reads this file from the folder it is started in, so run it here, at the root of the clone
(or name the root with ``--course-dir``).
"""

from pathlib import Path

from nbgrader.coursedir import CourseDirectory

c = get_config()
root = Path(__file__).resolve().parent
lesson_sources = {path.name for path in root.glob("solutions/*/*.py")}

c.CourseDirectory.course_id = "clip-to-int8"
c.CourseDirectory.source_directory = "solutions"  # notebooks with solutions, built there by `make classroom`
c.CourseDirectory.release_directory = "notebooks"
c.CourseDirectory.submitted_directory = "classroom/submitted"
c.CourseDirectory.autograded_directory = "classroom/autograded"
c.CourseDirectory.feedback_directory = "classroom/feedback"
c.CourseDirectory.solution_directory = "classroom/solution"
c.CourseDirectory.source_with_tests_directory = "classroom/source_with_tests"
c.CourseDirectory.db_url = f"sqlite:///{(root / 'classroom' / 'gradebook.db').as_posix()}"

# nbgrader copies whatever lies beside a source notebook into the release and beside every submission. The
# lesson sources, which hold the answers, are left out by name: `*.py` would also drop what students hand in.
c.CourseDirectory.ignore = [*CourseDirectory.ignore.default(), *sorted(lesson_sources)]

# Experiments are heavy and nothing graded depends on them.
c.Execute.skip_cells_with_tag = "experiment"
# A check stops a slow answer by itself; this stops whatever else runs on. Per cell, for a busy machine.
c.Execute.timeout = 120

# zip_collect keeps the files of their own that students hand in with a notebook.
c.FileNameCollectorPlugin.valid_ext = [".ipynb", ".py"]

# Downloads and exports hold students' names: they stay in the folder that git ignores.
c.ZipCollectApp.downloaded_directory = "classroom/downloaded"
c.CsvExportPlugin.to = str(root / "classroom" / "grades.csv")

# What students' notebooks show is made harmless before a browser gets it: in formgrader, whose pages are made
# by HTMLExporter with this configuration, and in feedback, which then holds no script and no hidden tests.
c.HTMLExporter.preprocessors = ["autograder.classroom.harmless.Harmless"]
c.HTMLExporter.filters = {
    "markdown2html": "autograder.classroom.harmless.markdown",
    "clean_html": "autograder.classroom.harmless.clean_html",
    "highlight_code": "autograder.classroom.harmless.highlight",
}
c.HTMLExporter.sanitize_html = True
c.GenerateFeedback.exporter_class = "autograder.classroom.harmless.page.FeedbackExporter"
