"""A small course of nbgrader for tests: one assignment of two notebooks, with every kind of cell."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import nbformat
from made_up import POINTS, made_up  # noqa: F401
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader import utils
from nbgrader.api import Gradebook
from traitlets.config import Config

from autograder.classroom.assignment import Assignment, CellSpec, NotebookSpec
from autograder.classroom.outcome import CellGrade, NotebookOutcome, Outcome, Problem, status_of
from autograder.classroom.source import Source
from autograder.classroom.task import Submission
from autograder.notebooks.build import generate_assignment

NAME = "ps1"
CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "small"
c.LateSubmissionPlugin.penalty_method = "zero"
"""


def marked(cell, grade_id, *, grade=False, solution=False, locked=False, task=False, points=None):
    data = {"grade_id": grade_id, "schema_version": 3, "grade": grade, "solution": solution}
    data |= {"locked": locked, "task": task}
    if points is not None:
        data["points"] = points
    cell.metadata["nbgrader"] = data
    return cell


def solution(name, number):
    source = f"def {name}(x):\n    ### BEGIN SOLUTION\n    return x + {number}\n    ### END SOLUTION"
    return marked(new_code_cell(source), name, solution=True)


def check(name, number):
    source = f"assert {name}(1) == {1 + number}"
    return marked(new_code_cell(source), f"check-{name}", grade=True, locked=True, points=POINTS)


def partial(name):
    source = f"score = 1.5 if {name}(0) else 0.25\nscore"
    return marked(new_code_cell(source), f"partial-{name}", grade=True, locked=True, points=2)


def explanation(grade_id):
    return marked(new_markdown_cell("YOUR ANSWER HERE"), grade_id, grade=True, solution=True, points=4)


def task(grade_id):
    return marked(new_markdown_cell("Draw it."), grade_id, task=True, locked=True, points=5)


def make(root: Path, *, cells: int = 2) -> Path:
    """Write the course and generate the release; the assignment is then in the gradebook."""
    source = root / "source" / NAME
    source.mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(CONFIG)
    (source / "support.txt").write_text("the instructor's\n")
    for notebook in ("one", "two"):
        body = [new_code_cell("import math")]
        for i in range(cells):
            body += [solution(f"f{i}", i + 1), check(f"f{i}", i + 1)]
        body += [partial("f0"), explanation("explain"), task("draw")]
        nbformat.write(new_notebook(cells=body), source / f"{notebook}.ipynb")
    config = Config()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.course_id = "small"
    generate_assignment(NAME, config)
    return root


def url(root: Path) -> str:
    return f"sqlite:///{root / 'gradebook.db'}"


def released(root: Path) -> Assignment:
    """The assignment, read without the code under test."""
    notebooks = []
    for path in sorted((root / "release" / NAME).glob("*.ipynb")):
        specs = []
        for cell in nbformat.read(path, as_version=4).cells:
            if data := cell.metadata.get("nbgrader"):
                specs.append(
                    CellSpec(
                        grade_id=data.grade_id,
                        cell_type=cell.cell_type,
                        source=cell.source,
                        checksum=data.checksum,
                        locked=data.locked,
                        grade=data.grade,
                        solution=data.solution,
                        task=data.task,
                        points=data.get("points", 0),
                    )
                )
        notebooks.append(NotebookSpec(name=path.stem, cells=tuple(specs)))
    files = {"support.txt": b"the instructor's\n"}
    return Assignment(name=NAME, notebooks=tuple(notebooks), files=files, versions={"small.f0": "v1"})


def submit(
    root: Path,
    student: str,
    answers: dict[str, str],
    *,
    notebooks: tuple[str, ...] = ("one", "two"),
    timestamp: str | None = None,
    **files: str,
) -> None:
    """Hand in the release with these cells replaced."""
    folder = root / "submitted" / student / NAME
    folder.mkdir(parents=True, exist_ok=True)
    for name in notebooks:
        notebook = nbformat.read(root / "release" / NAME / f"{name}.ipynb", as_version=4)
        for cell in notebook.cells:
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = answers.get(grade_id, cell.source)
        nbformat.write(notebook, folder / f"{name}.ipynb")
    if timestamp:
        (folder / "timestamp.txt").write_text(timestamp)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)


def right(cells: int = 2) -> dict[str, str]:
    return {f"f{i}": f"def f{i}(x):\n    return x + {i + 1}" for i in range(cells)}


def outcome_of(folder: Path, student: str, assignment: Assignment) -> Outcome:
    """The outcome that an autograded folder stands for, by nbgrader's own rules for a cell."""
    notebooks, problems = [], []
    for spec in assignment.notebooks:
        path = folder / f"{spec.name}.ipynb"
        if not path.exists():
            problems.append(Problem(kind="missing_notebook", text="It is missing.", notebook=spec.name))
            notebooks.append(NotebookOutcome(name=spec.name, graded=False))
            continue
        grades, comments = [], {}
        for cell in nbformat.read(path, as_version=4).cells:
            if utils.is_grade(cell):
                score, most = utils.determine_grade(cell)
                grades.append(CellGrade(grade_id=cell.metadata.nbgrader.grade_id, points=most, score=score))
            if utils.is_solution(cell) or utils.is_task(cell):
                untouched = cell.metadata.nbgrader.checksum == utils.compute_checksum(cell)
                said = "No response." if untouched and not utils.is_task(cell) else None
                comments[cell.metadata.nbgrader.grade_id] = said
        notebooks.append(NotebookOutcome(name=spec.name, graded=True, grades=grades, comments=comments))
    stamp = folder / "timestamp.txt"
    return Outcome(
        student=student,
        assignment=assignment.name,
        status=status_of(problems),
        digest="d",
        timestamp=stamp.read_text() if stamp.exists() else None,
        notebooks=notebooks,
        problems=problems,
    )


def rows(root: Path, *, db_url: str | None = None) -> dict[tuple[str, ...], tuple]:
    """Everything in the gradebook about submissions, by names instead of ids."""
    found: dict[tuple[str, ...], tuple] = {}
    with Gradebook(db_url or url(root), "small") as gradebook:
        for student in gradebook.students:
            found["student", student.id] = (student.first_name, student.last_name, student.email)
            for submission in student.submissions:
                key = (student.id, submission.assignment.name)
                found["submission", *key] = (submission.timestamp, submission.extension)
                for notebook in submission.notebooks:
                    inner = (*key, notebook.notebook.name)
                    found["notebook", *inner] = (notebook.late_submission_penalty, notebook.flagged)
                    for g in notebook.grades:
                        found["grade", *inner, g.name, g.cell.type] = (
                            g.auto_score,
                            g.manual_score,
                            g.extra_credit,
                            g.needs_manual_grade,
                            g.score,
                        )
                    for c in notebook.comments:
                        found["comment", *inner, c.name, c.cell.type] = (c.auto_comment, c.manual_comment)
    return found


def by_hand(root: Path, student: str, change: Callable[[object, object], None], *, notebook="one") -> None:
    """What a person enters in formgrader, in the rows of a notebook."""
    with Gradebook(url(root), "small") as gradebook:
        row = gradebook.find_submission_notebook(notebook, NAME, student)
        change({g.name: g for g in row.grades}, {c.name: c for c in row.comments})
        gradebook.db.commit()


def due(root: Path, date: datetime) -> None:
    with Gradebook(url(root), "small") as gradebook:
        gradebook.find_assignment(NAME).duedate = date
        gradebook.db.commit()


def nbgrader(root: Path, home: Path, *arguments: str) -> str:
    """Run nbgrader's own command."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("COURSE_", "NBGRADER", "JUPYTER"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=root,
        env=environment | {"HOME": str(home), "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


class Small(Source):
    """The source of a run: reads the small course without the code that reads real ones."""

    def __init__(self, root: Path, versions: dict[str, str] | None = None) -> None:
        self.root = root
        found = released(root)
        self.assignment = found.model_copy(update={"versions": versions}) if versions else found

    def students(self) -> list[str]:
        return sorted(path.name for path in (self.root / "submitted").iterdir())

    def read(self, student: str) -> Submission:
        folder = self.root / "submitted" / student / NAME
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        stamp = files.pop("timestamp.txt", b"").decode() or None
        digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()
        return Submission(student, NAME, files, [], stamp, digest)
