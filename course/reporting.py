"""What ``course report``, ``course feedback`` and ``course pack`` print and write."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from course import paths
from course.chosen import course_folder, meant
from course.errors import CourseError
from course.files import write

__all__ = ["feedback", "pack", "report"]


def report(
    assignment: str,
    *,
    canvas: Path | None = None,
    moodle: Path | None = None,
    roster: Path | None = None,
    title: str | None = None,
    core: bool = False,
    root: Path | None = None,
) -> None:
    """Write the report of an assignment, and gradebooks if any are asked for; print where they are.

    Parameters
    ----------
    assignment : such as ``01_infonce``, ``infonce`` or ``01``.
    canvas, moodle : where to write these gradebooks.
    roster : the CSV that Canvas or Moodle exported.
    title : what the assignment is called there; by default its own name.
    core : express gradebooks out of core points.
    root : the course folder; by default the present one if nbgrader is configured there, else the clone.

    Raises
    ------
    CourseError
        If there is nothing to report, or something cannot be read or written.
    """
    from autograder.classroom import exports
    from autograder.classroom.errors import GradingError
    from autograder.classroom.folder import Folder
    from autograder.classroom.ledger import Ledger
    from autograder.classroom.releases import ReleaseError, read_assignment
    from autograder.classroom.report.write import write_report
    from autograder.classroom.standing import read_marks

    if roster is not None and (canvas is None) == (moodle is None):
        raise CourseError("--roster is the export of one system: give it with --canvas or with --moodle.")
    try:
        folder = Folder(course_folder(root))
        assignment = meant(assignment, folder.assignments())
        released = read_assignment(folder.root, assignment)
        with Ledger(folder.ledger, writable=False) as ledger:
            outcomes = ledger.outcomes(assignment)
        marks = read_marks(folder.db_url, assignment)
        autograded = folder.root / str(folder.directory.autograded_directory)
        into = folder.own / "report" / assignment
        now = datetime.now()
        page = write_report(outcomes, released, into, marks=marks, autograded=autograded, when=now)
        print(f"Report on {len(outcomes)} submissions: {page}")
        given, possible = exports.credits(outcomes, released, marks, core=core)
        people = _read(roster) if roster else None
        for path, make in ((canvas, exports.canvas), (moodle, exports.moodle)):
            if path is not None:
                made = make(given, possible, title or assignment, people)
                write(path, made.text.encode("utf-8"))
                print(f"{make.__name__.capitalize()}: {path}, out of {possible:g} points")
                for note in made.notes:
                    print(f"  {note}")
    except (GradingError, ReleaseError) as error:
        raise CourseError(str(error)) from error


def feedback(
    assignment: str, student: str | None = None, root: Path | None = None, jobs: int | None = None
) -> int:
    """Write feedback pages, print for whom and what failed; return the exit status."""
    from autograder.classroom.errors import GradingError
    from autograder.classroom.feedback import write_feedback
    from autograder.classroom.folder import Folder

    try:
        folder = Folder(course_folder(root))
        assignment = meant(assignment, folder.assignments())
        written = write_feedback(folder.root, assignment, student, jobs)
    except GradingError as error:
        raise CourseError(str(error)) from error
    print(f"Feedback for {len(written.students)} students, in classroom/feedback/STUDENT/{assignment}/.")
    for name, reason in sorted(written.failed.items()):
        print(f"  Not for {name!r}: {reason}")
    return int(bool(written.failed))


def pack(into: Path | None = None) -> None:
    """Write what students get, and print where it is."""
    from course.pack import pack_students

    root = paths.root()
    print(f"For students: {pack_students(root, into or root / 'classroom' / 'students')}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"Cannot read {path}: {error}.") from error
