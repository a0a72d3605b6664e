"""Feedback pages: what a student reads, whatever the neighbours handed in."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

sys.path.insert(0, str(Path(__file__).parent))

import rooms

from autograder.classroom import feedback
from autograder.classroom.errors import GradingError
from autograder.classroom.feedback import write_feedback

pytestmark = [
    pytest.mark.nbgrader,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),  # of nbgrader's own queries
]


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    room = rooms.make_room(tmp_path_factory.mktemp("room"))
    room.add("evil", rooms.hostile())
    room.add("good", rooms.honest(), auto=2.5, manual=1.5, extra=0.5, penalty=0.25)
    room.add("broken", rooms.graded())
    folder = room.root / "classroom" / "autograded"
    (folder / "broken" / rooms.ASSIGNMENT / f"{rooms.NOTEBOOK}.ipynb").write_text('{"cells": [')
    (folder / "good" / rooms.ASSIGNMENT / "mine.html").write_text("<script>alert(1)</script>")
    (folder / "good" / rooms.ASSIGNMENT / "timestamp.txt").write_text("2026-01-31 17:05:00 UTC")
    room.written = write_feedback(room.root, rooms.ASSIGNMENT)
    return room


def test_one_page_that_cannot_be_made_stops_no_other(room):
    assert room.written.students == ["evil", "good"]
    assert list(room.written.failed) == ["broken"]
    assert room.written.failed["broken"].startswith("infonce.ipynb: NotJSONError: ")


def test_a_page_holds_what_the_student_did_and_earned(room):
    soup = BeautifulSoup(room.page("good"), "html.parser")
    words = soup.get_text()
    assert "Score: 4.25 / 5.0" in words  # 2.5 + 0.5 + 1.5 − 0.25
    assert "○ 1 of 3 points" in words
    assert "red a < b" in words
    assert soup.details.summary.get_text() == "Aside"
    assert soup.figure.img["alt"] == "A curve that falls from 2 to 1."
    drawn = {image["alt"] for image in soup.find_all("img")}
    assert {r"\frac{1}{N}", r"L \ge \log N"} <= drawn


def test_a_page_asks_nobody_for_anything(room):
    for student in ("evil", "good"):
        soup = BeautifulSoup(room.page(student), "html.parser")
        assert not soup.find_all(["script", "link", "iframe"])
        assert all(
            image["src"].startswith("data:image/") for image in soup.find_all("img") if "src" in image.attrs
        )
        assert "default-src 'none'" in soup.find("meta", attrs={"http-equiv": True})["content"]


def test_a_hidden_test_is_not_on_the_page(tmp_path):
    room = rooms.make_room(tmp_path)
    source = "assert one() == 1\n### HIDE\nassert one() == secret_of(41)\n### SHOW"
    room.add("ada", rooms.graded(check=source))
    config = room.root / "nbgrader_config.py"
    marks = {"begin": "HIDE", "end": "SHOW"}
    lines = [f'c.ClearHiddenTests.{name}_test_delimeter = "{mark}"' for name, mark in marks.items()]
    config.write_text("\n".join([config.read_text(), *lines]))
    assert not write_feedback(room.root, rooms.ASSIGNMENT).failed
    words = BeautifulSoup(room.page("ada"), "html.parser").get_text()
    assert "assert one() == 1" in words
    assert "secret_of" not in words


def test_files_of_students_are_not_handed_back(room):
    kept = room.root / "classroom" / "feedback" / "good" / rooms.ASSIGNMENT / "timestamp.txt"
    assert kept.read_text() == "2026-01-31 17:05:00 UTC"
    assert not list((room.root / "classroom" / "feedback").rglob("mine.html"))


@pytest.mark.slow
def test_several_processes_write_what_one_writes(tmp_path, monkeypatch):
    room = rooms.make_room(tmp_path)
    for number in range(5):
        room.add(f"s{number}", rooms.graded(), auto=number / 2)
    room.add("[a-z]*", rooms.graded())
    shutil.rmtree(tmp_path / "classroom" / "autograded" / "s3" / rooms.ASSIGNMENT)
    folder = tmp_path / "classroom" / "autograded" / "s3" / rooms.ASSIGNMENT
    folder.mkdir()
    (folder / f"{rooms.NOTEBOOK}.ipynb").write_text("{")
    one = write_feedback(room.root, rooms.ASSIGNMENT, jobs=1)
    students = [*one.students]
    pages = {student: room.page(student) for student in students}
    assert students == ["[a-z]*", "s0", "s1", "s2", "s4"]
    assert set(one.failed) == {"s3"}
    shutil.rmtree(tmp_path / "classroom" / "feedback")
    monkeypatch.setattr(feedback, "PORTION", 2)
    several = write_feedback(room.root, rooms.ASSIGNMENT, jobs=2)
    assert several == one
    assert {student: room.page(student) for student in students} == pages
    assert write_feedback(room.root, rooms.ASSIGNMENT, "[a-z]*").students == ["[a-z]*"]


def test_a_page_is_written_anew(room):
    path = room.root / "classroom" / "feedback" / "good" / rooms.ASSIGNMENT / f"{rooms.NOTEBOOK}.html"
    path.chmod(0o644)
    path.write_text("old")
    assert write_feedback(room.root, rooms.ASSIGNMENT, "good").students == ["good"]
    assert "Score: 4.25" in path.read_text()


@pytest.mark.parametrize(
    ("assignment", "student"),
    [("02_none", None), ("01_infonce", "nobody"), ("../01_infonce", None), ("", None)],
)
def test_nothing_to_write_is_said(room, assignment, student):
    with pytest.raises(GradingError, match="run `course grade"):
        write_feedback(room.root, assignment, student)
