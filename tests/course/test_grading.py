"""``course grade`` as instructors run it: on a course of somebody else's, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "autograder" / "classroom"))

import small_course as small

from autograder.classroom.assignment import Assignment
from course import grading
from course.chosen import meant
from course.cli import app
from course.errors import CourseError
from course.grading import Asked, grade

LESSONS = ["01_infonce", "02_temperature", "10_infonce", "ps1", "x_y"]


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("01_infonce", "01_infonce"),
        ("temperature", "02_temperature"),
        ("02", "02_temperature"),
        ("2", "02_temperature"),
        ("ps1", "ps1"),
        ("x_y", "x_y"),
    ],
)
def test_a_short_name_means_an_assignment(name, full):
    assert meant(name, LESSONS) == full


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("infonce", "'infonce' could be 01_infonce or 10_infonce: give the full name"),
        ("y", "No assignment is called 'y'; released: 01_infonce,"),
        ("../01_infonce", "No assignment is called '../01_infonce'"),
        ("", "No assignment is called ''"),
    ],
)
def test_a_name_that_means_none_or_several_is_one_sentence(name, says):
    with pytest.raises(CourseError) as raised:
        meant(name, LESSONS)
    assert says in str(raised.value)


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_where_nothing_is_isolated_it_says_what_to_do(system, monkeypatch):
    monkeypatch.setattr(grading.sys, "platform", system)
    with pytest.raises(CourseError, match=r"needs Linux.*WSL 2.*nbgrader autograde"):
        grade(Asked("01"))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Asked("01", into=Path("x.ipynb")), "give a FILE.ipynb to grade"),
        (Asked("x.ipynb", students=["ann"]), "One notebook is graded here and now"),
        (Asked("x.ipynb", dry_run=True), "One notebook is graded here and now"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(asked, says):
    with pytest.raises(CourseError, match=says):
        grade(asked)


@pytest.mark.parametrize(
    "wrong", [[], ["01", "--jobs", "0"], ["01", "--no-such"], ["01", "--cell-seconds", "x"]]
)
def test_wrong_usage_is_status_2(wrong):
    assert CliRunner().invoke(app, ["grade", *wrong]).exit_code == 2


@pytest.mark.parametrize(
    ("asked", "own", "cell", "wall"),
    [
        (None, None, 120.0, 360.0),
        (None, 45.0, 45.0, 135.0),
        (4.0, 45.0, 4.0, 30.0),
        (300.0, None, 300.0, 900.0),
    ],
)
def test_the_limit_of_a_cell_is_what_is_asked_for_then_the_courses_own(asked, own, cell, wall):
    options = grading._options(Asked("01", cell_seconds=asked))
    limits = options.limits_for(Assignment(name="ps1", notebooks=(), cell_seconds=own))
    assert (limits.cell_seconds, limits.wall_seconds) == (cell, wall)


def course(*arguments, **environment):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("COURSE_", "NBGRADER"))}
    return subprocess.run(
        [sys.executable, "-m", "course", "grade", *map(str, arguments)],
        env=inherited | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_a_folder_and_a_file_that_are_not_there_are_one_sentence(tmp_path):
    for done, says in (
        (course("ps1", "--root", tmp_path / "none"), "There is no folder"),
        (course(tmp_path / "none.ipynb", "--root", tmp_path), "is not a file"),
        (course("ps1", "--root", tmp_path), "No assignment is called 'ps1'; released: nothing."),
    ):
        assert done.returncode == 1
        assert says in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """Somebody else's course, with plain asserts, graded once."""
    root = small.make(tmp_path_factory.mktemp("foreign"))
    small.submit(
        root, "perfect", small.right() | {"explain": "Because."}, timestamp="2030-01-01 10:00:00 UTC"
    )
    small.submit(root, "untouched", {}, helper="x = 1")
    small.submit(root, "half", small.right(), notebooks=("one",))
    (root / "submitted" / "junk" / small.NAME).mkdir(parents=True)
    for name in ("one", "two"):
        (root / "submitted" / "junk" / small.NAME / f"{name}.ipynb").write_bytes(b"\x93NUMPY\0\xff")
    return root, course("ps1", "--root", root, "--jobs", "1", COURSE_SEED="")


def auto_scores(root, student):
    return {
        (key[3], key[4]): row[0]
        for key, row in small.rows(root).items()
        if key[0] == "grade" and key[1] == student
    }


@pytest.mark.slow
def test_somebody_elses_course_is_graded_as_nbgrader_grades_it(foreign):
    root, done = foreign
    assert done.returncode == 1, done.stdout + done.stderr  # junk could not be graded
    assert auto_scores(root, "perfect") == {
        (notebook, cell): score
        for notebook in ("one", "two")
        for cell, score in {
            "check-f0": 3.0,
            "check-f1": 3.0,
            "partial-f0": 1.5,
            "explain": None,
            "draw": None,
        }.items()
    }
    assert auto_scores(root, "untouched")["one", "explain"] == 0.0
    assert set(auto_scores(root, "half").values()) >= {0.0, 3.0}
    assert auto_scores(root, "junk") == {}
    assert "Self-reported: 15 cells of 3 submissions" in done.stdout
    assert "junk" in done.stdout
    assert "no score" in done.stdout
    folder = root / "autograded" / "untouched" / small.NAME
    assert {path.name for path in folder.iterdir()} == {"one.ipynb", "two.ipynb", "support.txt", "helper.py"}
    secret = (root / "classroom" / "secret").read_text().strip()
    assert secret not in done.stdout + done.stderr
    assert secret.encode() not in (root / "classroom" / "grading.sqlite").read_bytes()


@pytest.mark.slow
def test_again_only_what_has_no_score_is_tried_and_a_dry_run_writes_nothing(foreign):
    root, _ = foreign
    again = course("ps1", "--root", root, "--jobs", "1")
    assert "3 left as they were" in again.stdout
    assert again.returncode == 1
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    dry = course("ps1", "perfect", "--root", root, "--jobs", "1", "--dry-run", "--regrade")
    assert dry.returncode == 0, dry.stdout + dry.stderr
    assert "1 graded again in memory, 0 would have another score" in dry.stdout
    after = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    ours = {path for path in after if path.name.startswith("grading.sqlite-")}  # SQLite's own, while reading
    assert {p: t for p, t in after.items() if p not in ours} == {
        p: t for p, t in before.items() if p not in ours
    }


@pytest.mark.slow
def test_one_notebook_is_graded_wherever_it_lies(foreign, tmp_path):
    root, _ = foreign
    lonely = tmp_path / "my answers (1).ipynb"
    shutil.copy(root / "submitted" / "perfect" / small.NAME / "two.ipynb", lonely)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    done = course(lonely, "--root", root, "--into", tmp_path / "graded.ipynb")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "check-f0: 3 of 3 points (self-reported)" in done.stdout
    assert "graded: 7.5 of 17 points, 9 of them for a person to give" in done.stdout
    graded = json.loads((tmp_path / "graded.ipynb").read_text())
    assert any(cell.get("outputs") for cell in graded["cells"])
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
    strange = tmp_path / "strange.ipynb"
    strange.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    refused = course(strange, "--root", root)
    assert refused.returncode == 1
    assert refused.stderr.startswith("The notebook has none of the cells of what ")


@pytest.mark.slow
def test_a_cell_has_the_courses_own_limit_or_the_one_asked_for(tmp_path):
    root = small.make(tmp_path / "course")
    with (root / "nbgrader_config.py").open("a") as file:
        file.write("c.Execute.timeout = 1\n")
    slow = "import time\nwhile time.process_time() < 4:\n    pass\ndef f0(x):\n    return x + 1"
    small.submit(root, "ann", small.right() | {"f0": slow}, notebooks=("one",))
    done = course("ps1", "--root", root, "--jobs", "1")
    assert "seconds of CPU time, where 1 are allowed" in done.stdout, done.stdout + done.stderr
    assert auto_scores(root, "ann")["one", "check-f0"] == 0.0
    more = course("ps1", "--root", root, "--jobs", "1", "--regrade", "--cell-seconds", "20")
    assert "are allowed" not in more.stdout, more.stdout + more.stderr
    assert auto_scores(root, "ann")["one", "check-f0"] == 3.0


def test_a_course_without_a_gradebook_says_what_to_run_and_gets_no_empty_one(tmp_path):
    root = small.make(tmp_path / "course")
    (root / "gradebook.db").unlink()
    for more in ([], ["--dry-run"]):
        done = course("ps1", "--root", root, *more)
        assert done.returncode == 1
        assert "There is no gradebook at" in done.stderr
        assert "nbgrader generate_assignment ps1" in done.stderr
    assert not (root / "gradebook.db").exists()
