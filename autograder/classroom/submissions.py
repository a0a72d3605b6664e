"""What students handed in: found below nbgrader's folder, and read safely."""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.classroom.assignment import Assignment
from autograder.classroom.nbgrader_rules import utils
from autograder.classroom.outcome import Problem, ProblemKind
from autograder.classroom.recognising import SUFFIX, name_notebooks
from autograder.classroom.releases import ReleaseError, course_directory
from autograder.classroom.task import Submission
from autograder.classroom.tree import LIMITS, Limits, Refusal, Tree, printable, read_tree

#: nbgrader's own: what lies around, but was not handed in.
IGNORED = (".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback")

TIMESTAMP = "timestamp.txt"
LONGEST_ID = 128  # the gradebook's column
MARKUP = '<>&"'  # formgrader puts an id into its pages and their scripts as it is


@dataclass(frozen=True)
class Folders:
    """Where the submissions of one assignment lie.

    Parameters
    ----------
    assignment : str
    above : Path
        The folder that has one entry per student.
    below : str
        From a student's folder to that of the assignment.
    ignored : tuple of str
        Patterns of names that are passed over: CourseDirectory.ignore.
    excluded : frozenset of str
        Students who are not to be graded: CourseDirectory.student_id_exclude.
    """

    assignment: str
    above: Path
    below: str
    ignored: tuple[str, ...] = IGNORED
    excluded: frozenset[str] = frozenset()

    def students(self) -> list[str]:
        """Every name below which something was handed in, also one that cannot be a student's id."""
        if not self.above.is_dir():
            return []
        return sorted(
            entry.name
            for entry in self.above.iterdir()
            if entry.name not in self.excluded and _handed_in(entry / self.below)
        )

    def folder(self, student: str) -> Path:
        """The folder of a student's submission."""
        return self.above / student / self.below

    def read(self, student: str, assignment: Assignment) -> Submission:
        """Read what a student handed in; see `read`."""
        return read(self.folder(student), student, assignment, ignored=self.ignored)


def _handed_in(path: Path) -> bool:
    """Whether something is there; what cannot be looked at counts, so that reading it says why."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def folders(root: Path, assignment: str) -> Folders:
    """Where the submissions of an assignment lie, as the configuration of the course at `root` says.

    Raises
    ------
    ReleaseError
        If the configuration cannot be read, or has students' names only as parts of folder names.
    """
    course = course_directory(root)
    parts = Path(course.format_path(course.submitted_directory, "{student_id}", assignment)).parts
    if "{student_id}" not in parts:
        raise ReleaseError(
            "CourseDirectory.directory_structure must give each student a folder, named {student_id}; "
            f"it is {course.directory_structure!r}."
        )
    place = parts.index("{student_id}")
    return Folders(
        assignment,
        above=Path(*parts[:place]),
        below=str(Path(*parts[place + 1 :])),
        ignored=tuple(course.ignore),
        excluded=frozenset(name for name in course.student_id_exclude.split(",") if name),
    )


def find(root: Path, assignment: str) -> list[str]:
    """The students who handed in an assignment: every name that has a folder for it."""
    return folders(root, assignment).students()


def unfit(student: str) -> str | None:
    """Why a folder's name cannot be a student's id, as a sentence; None if it can.

    What is only awkward, such as ``=cmd`` or ``o'brien``, is an id: whoever writes it into a CSV file
    neutralises it there. formgrader's pages do not, so that what would be a part of them is none.
    """
    if printable(student) != student or "\\" in student or "/" in student:
        why = "only printable characters, no slashes"
    elif set(student) & set(MARKUP):
        why = f"it has one of {' '.join(MARKUP)}, which formgrader would take for a part of its pages"
    elif student.strip() != student or not student:
        why = "it begins or ends with a space"
    elif student.startswith("."):
        why = "nbgrader passes over names with a dot first"
    elif len(student) > LONGEST_ID:
        why = f"{LONGEST_ID} characters are the most"
    else:
        return None
    return f"A folder named '{shown(student)[:160]}' cannot be a student's id: {why}."


def shown(student: str) -> str:
    """An unfit name with escapes. An id has no backslash, so this never is somebody else's."""
    escaped = student.encode("unicode_escape").decode("ascii")
    return "".join(f"\\x{ord(c):02x}" if c in f"/{MARKUP}" else c for c in escaped) or "\\0"


def read(
    folder: Path,
    student: str,
    assignment: Assignment,
    *,
    ignored: Sequence[str] = IGNORED,
    limits: Limits = LIMITS,
) -> Submission:
    """Read a submission once, without following a link or waiting for anything.

    Parameters
    ----------
    folder : Path
        ``submitted_directory/STUDENT/ASSIGNMENT``. What lies above STUDENT is trusted.
    student : str
    assignment : Assignment
    ignored : sequence of str
        Patterns of names that are passed over, as nbgrader does.
    limits : Limits

    Returns
    -------
    Submission
        With a problem for whatever was not read. Its files hold only notebooks of the assignment, under
        their released names. If the folder's name cannot be a student's id it holds none, and the name is
        written with escapes.
    """
    reason = unfit(student)
    if reason is not None:
        problem = Problem(kind="unreadable", text=f"{reason} Rename the folder, and grade again.")
        return Submission(shown(student), assignment.name, problems=[problem])
    parts = folder.parts
    place = len(parts) - 1 - parts[::-1].index(student) if student in parts else len(parts) - 1
    names = [f"{notebook.name}{SUFFIX}" for notebook in assignment.notebooks]
    try:
        tree = read_tree(
            folder,
            trusted=Path(*parts[:place]),
            first=[*names, TIMESTAMP],
            ignored=lambda name: any(fnmatch.fnmatchcase(name, pattern) for pattern in ignored),
            limits=limits,
        )
    except OSError as error:
        text = f"The folder of the submission cannot be opened, or is a link: {error.strerror}."
        return Submission(student, assignment.name, problems=[Problem(kind="unreadable", text=text)])
    problems = [_refused(refusal, assignment) for refusal in tree.refusals]
    timestamp = _timestamp(tree, problems)
    files = name_notebooks(tree, assignment, problems)
    return Submission(student, assignment.name, files, problems, timestamp, _digest(files))


def _refused(refusal: Refusal, assignment: Assignment) -> Problem:
    name = refusal.path.removesuffix(SUFFIX)
    ours = refusal.path.endswith(SUFFIX) and any(name == notebook.name for notebook in assignment.notebooks)
    text = f"{refusal.path} was not read: {refusal.text}."
    kind: ProblemKind = "too_large" if refusal.why == "size" else "unreadable" if ours else "refused_file"
    return Problem(kind=kind, text=text, notebook=name if ours else None)


def _timestamp(tree: Tree, problems: list[Problem]) -> str | None:
    """The text of timestamp.txt; one that is no date is taken out, because nbgrader would stop at it."""
    content = tree.files.get(TIMESTAMP)
    if content is None:
        return None
    text = content[:200].decode("utf-8", "replace").strip()
    if len(content) <= 200 and _is_date(text):
        return text
    del tree.files[TIMESTAMP]
    text = f"{TIMESTAMP} holds no date, so the submission counts as undated."
    problems.append(Problem(kind="refused_file", text=text))
    return None


def _is_date(text: str) -> bool:
    try:
        utils().parse_utc(text)
    except (ValueError, OverflowError, TypeError, AttributeError):  # what dateutil raises for odd text
        return False
    return True


def _digest(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path, content in sorted(files.items()):
        digest.update(f"{len(path.encode())} {path} {len(content)} ".encode())
        digest.update(content)
    return digest.hexdigest()
