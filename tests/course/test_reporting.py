"""``course report`` and ``course feedback`` on a course folder with a gradebook and a ledger."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "autograder" / "classroom"))

import rooms

from autograder.classroom.ledger import Ledger
from autograder.classroom.outcome import CellGrade, NotebookOutcome, Outcome, Problem
from autograder.classroom.task import Result
from course import paths, reporting
from course.cli import app
from course.errors import CourseError

pytestmark = [
    pytest.mark.nbgrader,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),  # of nbgrader's own queries
]


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """Two graded students, one of them late, and one who could not be graded."""
    room = rooms.make_room(tmp_path_factory.mktemp("room"))
    released = room.root / "notebooks" / rooms.ASSIGNMENT
    released.mkdir()
    rooms.nbformat.write(rooms.graded(), released / f"{rooms.NOTEBOOK}.ipynb")
    room.add("ada", rooms.honest(), auto=3.0, manual=1.5, penalty=0.5)
    room.add("eve", rooms.hostile(), auto=1.0)
    with Ledger(room.root / "classroom" / "grading.sqlite") as ledger:
        for student, score in {"ada": 3.0, "eve": 1.0}.items():
            grades = [
                CellGrade(grade_id="check-one", points=3, score=score, self_reported=True),
                CellGrade(grade_id="explain", points=2, score=None),
            ]
            notebooks = [NotebookOutcome(name=rooms.NOTEBOOK, graded=True, grades=grades)]
            one = Outcome(student=student, assignment=rooms.ASSIGNMENT, status="graded", notebooks=notebooks)
            ledger.store(Result(one), {}, {})
        problem = Problem(kind="unreadable", text="It is not JSON.")
        failed = Outcome(
            student="fay", assignment=rooms.ASSIGNMENT, status="could not be graded", problems=[problem]
        )
        ledger.store(Result(failed), {}, {}, merged=True)
    return room


@pytest.fixture
def command(room, monkeypatch):
    monkeypatch.setenv(paths.ROOT_VARIABLE, str(room.root))

    def run(*arguments: object):
        return CliRunner().invoke(app, [str(one) for one in arguments])

    return run


def test_a_report_is_written_where_it_is_said(command, room):
    done = command("report", rooms.ASSIGNMENT)
    assert done.exit_code == 0, done.output
    path = room.root / "classroom" / "report" / rooms.ASSIGNMENT / "report.html"
    assert done.output.split("Report on 3 submissions: ")[1].replace("\n", "") == str(path)
    shown = path.read_text()
    assert "It is not JSON." in shown
    assert 'title="self-reported"' in shown


def test_gradebooks_agree_with_nbgraders_export(command, room, tmp_path):
    done = command("report", rooms.ASSIGNMENT, "--canvas", tmp_path / "c.csv", "--moodle", tmp_path / "m.csv")
    assert done.exit_code == 0, done.output
    subprocess.run(
        [sys.executable, "-m", "nbgrader", "export"], cwd=room.root, check=True, capture_output=True
    )
    with (room.root / "classroom" / "grades.csv").open(newline="") as file:
        theirs = {line["student_id"]: float(line["score"]) for line in csv.DictReader(file)}
    with (tmp_path / "m.csv").open(newline="") as file:
        ours = {line["Username"]: line[rooms.ASSIGNMENT] for line in csv.DictReader(file)}
    assert ours.pop("fay") == ""
    assert {name: float(score) for name, score in ours.items()} == theirs == {"ada": 4.0, "eve": 1.0}
    with (tmp_path / "c.csv").open(newline="") as file:
        assert {line["SIS Login ID"]: line[rooms.ASSIGNMENT] for line in csv.DictReader(file)} == {
            "": "5",
            "ada": "4",
            "eve": "1",
            "fay": "",
        }
    assert "left empty" in done.output


def test_a_roster_is_for_one_system(command, tmp_path):
    done = command("report", rooms.ASSIGNMENT, "--roster", tmp_path / "r.csv")
    assert isinstance(done.exception, CourseError)
    assert "give it with --canvas or with --moodle" in str(done.exception)


@pytest.mark.parametrize("assignment", ["02_none", "../x"])
def test_an_assignment_that_is_not_there_is_said(command, assignment):
    for verb in ("report", "feedback"):
        assert isinstance(command(verb, assignment).exception, CourseError)


def test_feedback_is_written(command, room):
    done = command("feedback", rooms.ASSIGNMENT)
    assert done.exit_code == 0, done.output
    assert "Feedback for 2 students" in done.output
    assert "Score: 4.0 / 5.0" in room.page("ada")


def test_packing_is_for_students(command):
    done = command("pack")
    assert done.exit_code == 2
    assert "--students" in done.output


def test_a_missing_roster_is_said(room, tmp_path):
    with pytest.raises(CourseError, match="Cannot read"):
        reporting.report(rooms.ASSIGNMENT, canvas=tmp_path / "c", roster=tmp_path / "none", root=room.root)
