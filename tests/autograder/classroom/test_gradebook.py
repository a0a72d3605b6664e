"""The writer of the gradebook: the rows that nbgrader writes, and nothing that people wrote."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import small_course as small
from nbgrader import utils
from nbgrader.api import Gradebook

from autograder.classroom import autograded
from autograder.classroom.errors import GradingError
from autograder.classroom.folder import Folder
from autograder.classroom.gradebook import Writer
from autograder.classroom.gradebook_errors import MergeError
from autograder.classroom.gradebook_queries import date_of
from autograder.classroom.outcome import Problem


@pytest.fixture
def assignment(root):
    return small.released(root)


@pytest.fixture
def writer(root):
    folder = Folder(root)
    with Writer(folder.db_url, folder.course_id, folder.config) as one:
        yield one


@pytest.fixture(scope="session")
def twins(made, tmp_path_factory):
    """The same class graded by nbgrader, and entered by our writer; twice, with a person's work in between."""
    course = Path(shutil.copytree(made, tmp_path_factory.mktemp("twins") / "theirs"))
    home = tmp_path_factory.mktemp("home")
    small.due(course, datetime(2030, 1, 2))
    early, late = "2030-01-01 10:00:00.000000 UTC", "2030-01-03 10:00:00.5 +0200"
    small.submit(course, "perfect", small.right() | {"explain": "Because."}, timestamp=early)
    small.submit(course, "untouched", {}, timestamp=early, helper="x = 1")
    small.submit(course, "mixed", {"f0": "def f0(x):\n    return 0", "f1": "def f1(x):\n    return x + 2"})
    small.submit(course, "late", small.right(), timestamp=late)
    small.submit(course, "half", small.right(), notebooks=("one",), timestamp=early)
    ours = Path(shutil.copytree(course, course.parent / "ours"))
    assignment = small.released(ours)
    folder = Folder(ours)

    def enter() -> None:
        with Writer(folder.db_url, folder.course_id, folder.config) as one:
            for student in ("half", "late", "mixed", "perfect", "untouched"):
                done = course / "autograded" / student / small.NAME
                one.merge(small.outcome_of(done, student, assignment))

    small.nbgrader(course, home, "autograde", small.NAME)
    enter()
    first = small.rows(course), small.rows(ours)

    def correct(grades, comments):
        grades["check-f0"].manual_score = 2.5
        grades["check-f1"].extra_credit = 0.5
        grades["explain"].manual_score, grades["explain"].needs_manual_grade = 3.0, False
        comments["explain"].manual_comment = "Good."

    for place in (course, ours):
        small.by_hand(place, "mixed", correct)
        small.by_hand(place, "late", correct, notebook="two")
        small.submit(place, "mixed", small.right(), timestamp=early)
    small.nbgrader(course, home, "autograde", small.NAME, "--force")
    enter()
    return first, (small.rows(course), small.rows(ours)), course


@pytest.mark.slow
@pytest.mark.nbgrader
@pytest.mark.parametrize("time", [0, 1], ids=["first time", "again, after manual grading"])
def test_the_rows_are_those_that_nbgrader_writes(twins, time):
    theirs, ours = twins[time]
    assert len(theirs) > 5 * 2 * 8
    assert ours == theirs


@pytest.mark.slow
@pytest.mark.nbgrader
def test_the_class_has_every_kind_of_row(twins):
    theirs = twins[1][0]
    grades = [row for one in twins[:2] for key, row in one[0].items() if key[0] == "grade"]
    assert {row[0] for row in grades} >= {0.0, 0.25, 1.5, 3.0, None}
    assert {row[3] for row in grades} == {True, False}
    assert theirs["notebook", "late", "ps1", "one"][0] > 0
    assert theirs["comment", "untouched", "ps1", "one", "f0", "SolutionCell"][0] == "No response."


@pytest.mark.slow
@pytest.mark.nbgrader
def test_the_folder_is_like_nbgraders(twins, tmp_path):
    course = twins[2]
    theirs = course / "autograded" / "untouched" / small.NAME
    files = {path.name: path.read_bytes() for path in theirs.iterdir()}
    ours = tmp_path / "autograded" / "untouched" / small.NAME
    autograded.write(ours, files, mode=Folder(course).file_mode)
    assert {p.name: (p.read_bytes(), p.stat().st_mode) for p in ours.iterdir()} == {
        p.name: (p.read_bytes(), p.stat().st_mode) for p in theirs.iterdir()
    }
    assert ours.stat().st_mode == theirs.stat().st_mode


def grade_of(root, student, name="check-f0", notebook="one"):
    return small.rows(root)["grade", student, "ps1", notebook, name, "GradeCell"]


def test_what_people_entered_stays(root, writer, assignment):
    writer.merge(small.made_up(assignment, "ann", 1.0).outcome)

    def correct(grades, comments):
        grades["check-f0"].manual_score, grades["check-f0"].extra_credit = 2.5, 0.25
        comments["f0"].manual_comment = "See me."

    small.by_hand(root, "ann", correct)
    writer.merge(small.made_up(assignment, "ann", 3.0).outcome)
    assert grade_of(root, "ann") == (3.0, 2.5, 0.25, True, 2.75)
    assert small.rows(root)["comment", "ann", "ps1", "one", "f0", "SolutionCell"] == (None, "See me.")


def test_what_could_not_be_graded_is_no_zero(root, writer, assignment):
    failed = {"status": "could not be graded", "notebooks": []}
    writer.merge(small.made_up(assignment, "new").outcome.model_copy(update=failed))
    assert not any("new" in key for key in small.rows(root))
    assert writer.submitted("ps1") == set()

    writer.merge(small.made_up(assignment, "ann", 2.0).outcome)
    before = small.rows(root)
    writer.merge(small.made_up(assignment, "ann", 0.0).outcome.model_copy(update=failed))
    assert small.rows(root) == before


def test_a_notebook_that_could_not_be_graded_waits_for_a_person(root, writer, assignment):
    outcome = small.made_up(assignment, "ann", 2.0).outcome
    broken = [outcome.notebooks[0].model_copy(update={"graded": False, "grades": []}), outcome.notebooks[1]]
    problem = Problem(kind="unreadable", text="It is no JSON.", notebook="one")
    writer.merge(outcome.model_copy(update={"notebooks": broken, "problems": [problem]}))
    assert grade_of(root, "ann")[:4] == (None, None, None, True)
    assert grade_of(root, "ann", notebook="two")[0] == 2.0
    assert writer.waiting("ps1")["ann"] >= 4


def test_a_missing_notebook_is_a_zero_as_in_nbgrader(root, writer, assignment):
    outcome = small.made_up(assignment, "ann", 2.0).outcome
    problem = Problem(kind="missing_notebook", text="It is missing.", notebook="two")
    writer.merge(outcome.model_copy(update={"notebooks": outcome.notebooks[:1], "problems": [problem]}))
    assert grade_of(root, "ann", notebook="two") == (0.0, None, None, False, 0.0)
    assert grade_of(root, "ann", "explain", notebook="two")[:4] == (0.0, None, None, False)


def test_a_refused_merge_changes_nothing_and_the_next_goes_on(root, writer, assignment):
    strange = small.made_up(assignment, "ann").outcome
    strange.notebooks[1].grades[0] = strange.notebooks[1].grades[0].model_copy(update={"grade_id": "no-such"})
    with pytest.raises(MergeError, match="no graded cell 'no-such' in 'two'"):
        writer.merge(strange)
    assert small.rows(root) == {}
    writer.merge(small.made_up(assignment, "bob").outcome)
    assert grade_of(root, "bob")[0] == 3.0


def test_a_name_that_no_database_takes_is_refused_alone(root, writer, assignment):
    with pytest.raises(MergeError):
        writer.merge(small.made_up(assignment, "\ud800").outcome)
    writer.merge(small.made_up(assignment, "bob").outcome)
    assert {key[1] for key in small.rows(root)} == {"bob"}


def test_a_penalty_that_fails_costs_one_submission(root, assignment):
    (root / "unkind.py").write_text(
        "from nbgrader.plugins import BasePlugin\n"
        "class Unkind(BasePlugin):\n"
        "    def late_submission_penalty(self, student, score, seconds):\n"
        "        if student == 'ann': raise KeyError('no rule for ann')\n"
        "        return 99 if student == 'bob' else -1\n"
    )
    (root / "nbgrader_config.py").write_text(
        small.CONFIG + 'c.AssignLatePenalties.plugin_class = "unkind.Unkind"\n'
    )
    small.due(root, datetime(2030, 1, 1))
    folder = Folder(root)
    with Writer(folder.db_url, folder.course_id, folder.config) as one:
        for student in ("ann", "bob", "eve"):
            outcome = small.made_up(assignment, student, 1.0).outcome
            outcome = outcome.model_copy(update={"timestamp": "2030-01-02 00:00:00 UTC"})
            if student == "ann":
                with pytest.raises(MergeError, match="no rule for ann"):
                    one.merge(outcome)
            else:
                one.merge(outcome)
    found = small.rows(root)
    assert found["notebook", "bob", "ps1", "one"] == (3.0, False)  # cut to the score
    assert found["notebook", "eve", "ps1", "one"] == (0.0, False)
    assert not any("ann" in key for key in found)


def test_a_busy_gradebook_is_waited_for(root, writer, assignment):
    with Gradebook(small.url(root), "small") as other:
        other.db.connection().exec_driver_sql("BEGIN IMMEDIATE")
        begun = time.monotonic()
        timer = threading.Timer(0.5, lambda: None)
        timer.start()
        worker = threading.Thread(target=writer.merge, args=(small.made_up(assignment, "ann").outcome,))
        worker.start()
        timer.join()
        other.db.rollback()
        worker.join(30)
    assert time.monotonic() - begun >= 0.5
    assert grade_of(root, "ann")[0] == 3.0


def test_a_date_is_read_as_nbgrader_reads_it():
    assert date_of("2030-01-03 10:00:00 +0200\n") == utils.parse_utc("2030-01-03 10:00:00 +0200")
    assert date_of("2030-01-03 10:00:00 UTC") == datetime(2030, 1, 3, 10)
    for nonsense in (None, "", "  ", "yesterday-ish", "9" * 50, "1" * 10**6, "99999-01-01", "\0"):
        assert date_of(nonsense) is None


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "not the URL of a database"),
        ("sqlite:////no/such/folder/gradebook.db", "cannot be opened: unable to open"),
        ("nosuchthing://x/y", "not the URL of a database|needs the Python package|cannot be opened"),
    ],
)
def test_a_gradebook_that_cannot_be_opened_is_one_sentence(url, says):
    with pytest.raises(GradingError, match=says):
        Writer(url, "small")
