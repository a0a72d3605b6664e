"""Gradebooks for Canvas and Moodle: nbgrader's scores, in the form that each of them imports."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import class_of
import rooms

from autograder.classroom.assignment import Assignment, CellSpec, NotebookSpec
from autograder.classroom.errors import GradingError
from autograder.classroom.exports import Credit, canvas, credits, moodle
from autograder.classroom.outcome import CellGrade, NotebookOutcome, Outcome
from autograder.classroom.standing import Mark, read_marks

GIVEN = [
    Credit("ada", 12.5, "Ada", "Lovelace", "ada@school.example"),
    Credit("bob", None, "Bob", "=cmd", "bob@school.example"),
    Credit("eve", 0.0),
    Credit("-zoe", -1.5),
]
CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Tea (7),01_infonce (4711),Current Score,Final Score
    Points Possible,,,,,10.0,20.0,(read only),(read only)
"Lovelace, Ada",901,S-1,ada,"Math, A",9,,90,90
"Cmd, Bob",902,bob,b.o.b,"Math, A",,,0,0
"Stranger, Sam",903,S-3,sam,"Math, A",1,,10,10
"Student, Test",904,,a1b2c3,"Math, A",,,,
"""
MOODLE = """First name,Last name,ID number,Email address,Quiz: Tea (Real),Course total (Real)
Ada,Lovelace,S-1,ada@school.example,9,9
Bob,Cmd,bob,b.o.b@school.example,-,-
"""


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_canvas_gets_its_own_columns_back():
    made = canvas(GIVEN, 20.0, "01_infonce", CANVAS)
    lines = read(made.text)
    assert list(lines[0]) == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "01_infonce (4711)"]
    assert lines[0]["Student"].strip() == "Points Possible"
    assert lines[0]["01_infonce (4711)"] == "20"
    scores = {line["ID"]: line["01_infonce (4711)"] for line in lines[1:]}
    assert scores == {"901": "12.5", "902": "", "903": "", "904": ""}
    notes = " ".join(made.notes)
    assert "Not in the roster, so not in this file: 'eve', '-zoe'." in notes
    assert "'Stranger, Sam', 'Student, Test'" in notes
    assert "left empty (an import changes nothing there): 'bob'" in notes


def test_canvas_makes_a_new_assignment_if_there_is_none():
    made = canvas(GIVEN, 20.0, "02_temperature", CANVAS)
    assert "02_temperature" in made.text.splitlines()[0]
    assert any("no assignment '02_temperature' yet" in note for note in made.notes)


def test_canvas_without_a_roster_has_the_header_that_it_needs():
    lines = read(canvas(GIVEN, 20.0, "01_infonce").text)
    assert list(lines[0]) == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "01_infonce"]
    assert lines[1]["Student"] == "Lovelace, Ada"
    assert [line["01_infonce"] for line in lines] == ["20", "12.5", "", "0", "-1.5"]


def test_moodle_gets_users_and_a_grade_item():
    lines = read(moodle(GIVEN, 20.0, "01_infonce").text)
    assert lines[0]["Username"] == lines[0]["ID number"] == "ada"
    assert lines[0]["Email address"] == "ada@school.example"
    assert [line["01_infonce"] for line in lines] == ["12.5", "", "0", "-1.5"]
    made = moodle(GIVEN, 20.0, "01_infonce", MOODLE)
    assert [(line["ID number"], line["01_infonce"]) for line in read(made.text)] == [
        ("S-1", "12.5"),
        ("bob", ""),
    ]
    assert "maximum grade of 20" in made.notes[0]


@pytest.mark.parametrize("make", [canvas, moodle])
def test_no_field_is_a_formula(make):
    text = make(GIVEN, 20.0, "=1+1").text
    for row in csv.reader(io.StringIO(text, newline="")):
        for one in row:
            assert not one.startswith(("=", "+", "@", "\t", "\r"))
            assert not one.startswith("-") or float(one) == -1.5
    assert "'=cmd" in text
    assert "'-zoe" in text


@pytest.mark.parametrize(("make", "roster"), [(canvas, "a,b\n1,2\n"), (canvas, ""), (moodle, "Student;ID\n")])
def test_another_file_is_no_roster(make, roster):
    with pytest.raises(GradingError, match="The roster should be the CSV from"):
        make(GIVEN, 20.0, "t", roster)


def test_a_student_twice_in_the_roster_is_refused():
    with pytest.raises(GradingError, match="'ada' twice"):
        moodle(GIVEN, 20.0, "t", MOODLE + "Ada,Again,ada,x@y,1,1\n")


def test_core_points_are_the_most_that_one_can_have():
    cells = tuple(
        CellSpec(
            grade_id=f"check-{name}",
            cell_type="code",
            source="",
            checksum="",
            locked=True,
            grade=True,
            solution=False,
            points=3.0,
            exercise=f"infonce.{name}",
        )
        for name in ("clip_loss", "clip_loss_grad")
    )
    released = Assignment(name="01_infonce", notebooks=(NotebookSpec(name="infonce", cells=cells),))

    def handed_in(student: str, *scores: float) -> Outcome:
        grades = [
            CellGrade(grade_id=cell.grade_id, points=3, score=score)
            for cell, score in zip(cells, scores, strict=True)
        ]
        notebooks = [NotebookOutcome(name="infonce", graded=True, grades=grades)]
        return Outcome(student=student, assignment="01_infonce", status="graded", notebooks=notebooks)

    outcomes = [
        handed_in("all", 3, 3),
        handed_in("core", 3, 0),
        handed_in("both", 2, 0.5),
        class_of.failed("none"),
    ]
    found, possible = credits(outcomes, released, {"absent": Mark("absent", None)}, core=True)
    assert possible == 3.0  # clip_loss_grad is a stretch exercise
    assert {one.student: one.score for one in found} == {
        "absent": None,
        "all": 3.0,
        "core": 3.0,
        "both": 2.5,
        "none": None,
    }
    assert credits(outcomes, released, {})[1] == 6.0


@pytest.mark.nbgrader
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # of nbgrader's own queries
def test_scores_are_those_of_nbgraders_export(tmp_path):
    room = rooms.make_room(tmp_path)
    room.add("plain", rooms.graded(), auto=2.0)
    room.add("marked", rooms.graded(), auto=2.5, manual=1.5)
    room.add("late", rooms.graded(), auto=3.0, manual=2.0, extra=0.5, penalty=1.25)
    room.add("very_late", rooms.graded(), auto=0.5, penalty=3.0)
    command = [sys.executable, "-m", "nbgrader", "export"]
    subprocess.run(command, cwd=room.root, check=True, capture_output=True)
    with (room.root / "classroom" / "grades.csv").open(newline="") as file:
        theirs = {line["student_id"]: float(line["score"]) for line in csv.DictReader(file)}
    marks = read_marks(room.database, rooms.ASSIGNMENT)
    assert {name: mark.score for name, mark in marks.items()} == theirs
    assert theirs == {"plain": 2.0, "marked": 4.0, "late": 4.25, "very_late": 0.0}
    assert marks["marked"].cells["infonce", "explain"].score == 1.5
    assert marks["plain"].cells["infonce", "explain"].waiting
    assert marks["late"].maximum == 5.0


def test_a_gradebook_that_is_not_there_is_said(tmp_path):
    with pytest.raises(GradingError, match="There is no gradebook at"):
        read_marks(f"sqlite:///{tmp_path}/none.db", "a")
