"""Nothing in work/ is ever overwritten without a backup, and a newer release reaches the learner's copies."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course import files
from course.errors import CourseError
from course.workspace import first_notebook, lessons, populate, reset, select, update

STUB = "def scale(x):\n    ..."
START, LOSS, TABLE = (
    Path("00_start_here/start_here.ipynb"),
    Path("01_infonce/infonce.ipynb"),
    Path("01_infonce/pairs.csv"),
)


def lesson(path, intro, stub=STUB):
    grading = {"grade": False, "grade_id": "scale", "locked": False, "schema_version": 3, "solution": True}
    cells = [
        new_markdown_cell(intro, id="intro"),
        new_code_cell(stub, id="scale", metadata={"nbgrader": grading}),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)


def edit(path, cell, source):
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[cell].source = source
    nbformat.write(notebook, path)


def sources(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


@pytest.fixture
def course(tmp_path):
    """A release with two lessons, and the learner's folder, empty as yet."""
    work, notebooks = tmp_path / "work", tmp_path / "notebooks"
    lesson(notebooks / START, "# Start")
    lesson(notebooks / LOSS, "# InfoNCE")
    lesson(notebooks / "01_infonce/another.ipynb", "# More")
    (notebooks / TABLE).write_text("1,2\n")
    for ignored in (
        "01_infonce/.ipynb_checkpoints/infonce.ipynb",
        "01_infonce/__pycache__/a.pyc",
        "index.md",
    ):
        (notebooks / ignored).parent.mkdir(exist_ok=True)
        (notebooks / ignored).write_text("not for learners")
    return work, notebooks


def test_populate_copies_the_release_once_and_never_again(course):
    work, notebooks = course
    assert populate(work, notebooks) == sorted([START, LOSS, TABLE, Path("01_infonce/another.ipynb")])
    (work / LOSS).write_text("mine")
    (work / TABLE).unlink()
    (work / TABLE).symlink_to("nowhere")
    assert populate(work, notebooks) == []
    assert (work / LOSS).read_text() == "mine"
    (work / START).unlink()
    assert populate(work, notebooks) == [START]


def test_a_release_without_lessons_says_what_to_run(tmp_path):
    with pytest.raises(CourseError, match="holds no lessons yet: run `course build`"):
        populate(tmp_path / "work", tmp_path)


@pytest.mark.parametrize("name", ["1", "01", "infonce", "01_infonce", "work/01_infonce/"])
def test_a_lesson_goes_by_number_topic_or_folder(course, name):
    notebooks = course[1]
    assert select(name, notebooks) == [Path("01_infonce/another.ipynb"), LOSS, TABLE]
    assert first_notebook(name, notebooks) == LOSS


@pytest.mark.parametrize("name", ["infonce.ipynb", LOSS, Path("/home/me/work") / LOSS])
def test_a_file_goes_by_its_path(course, name):
    assert select(name, course[1]) == [LOSS]


@pytest.mark.parametrize("name", ["", "2", "infonce2", "work/01_infonce/mine.ipynb"])
def test_an_unknown_lesson_is_answered_with_the_known_ones(course, name):
    with pytest.raises(
        CourseError, match=r"There is no lesson '.*'\. The lessons: 00_start_here, 01_infonce\."
    ):
        select(name, course[1])
    assert lessons(course[1]) == ["00_start_here", "01_infonce"]


def test_reset_backs_up_what_differs_and_leaves_the_rest(course):
    work, notebooks = course
    populate(work, notebooks)
    (work / "01_infonce/scratch.ipynb").write_text("my own file")
    assert reset("01", work, notebooks) == []
    edit(work / LOSS, 1, "my answer")
    [change] = reset("01", work, notebooks)
    assert change.path == LOSS
    assert re.fullmatch(r"\.backup/01_infonce/infonce-\d{8}T\d{6}\.ipynb", change.backup.as_posix())
    assert str(change) == f"01_infonce/infonce.ipynb: a fresh copy (before: {change.backup.as_posix()})"
    assert sources(work / change.backup)[1] == "my answer"
    assert (work / LOSS).read_bytes() == (notebooks / LOSS).read_bytes()
    assert (work / "01_infonce/scratch.ipynb").read_text() == "my own file"


def test_backups_of_one_second_stand_side_by_side(course):
    work, notebooks = course
    populate(work, notebooks)
    for text in ("one", "two", "three"):
        (work / LOSS).write_text(text)
        reset(LOSS, work, notebooks)
    kept = [path.read_text() for path in (work / ".backup/01_infonce").iterdir()]
    assert sorted(kept) == ["one", "three", "two"]


def test_update_merges_the_release_and_keeps_answers(course):
    work, notebooks = course
    populate(work, notebooks)
    assert update(work, notebooks) == []
    edit(work / LOSS, 1, "my answer")
    lesson(notebooks / LOSS, "# InfoNCE, better")
    lesson(notebooks / START, "# Start, better")
    lesson(notebooks / "02_temperature/temperature.ipynb", "# Temperature")
    start, loss, new = update(work, notebooks)
    assert start.summary == "replaced by the new release; you had not changed it"
    assert loss.summary == "merged with the new release; your answers kept: scale; cells: 1 revised"
    assert sources(work / LOSS) == ["# InfoNCE, better", "my answer"]
    assert sources(work / loss.backup) == ["# InfoNCE", "my answer"]
    assert (new.path, new.summary, new.backup) == (Path("02_temperature/temperature.ipynb"), "new", None)
    assert update(work, notebooks) == []


def test_an_interrupted_update_can_be_repeated(course, monkeypatch):
    work, notebooks = course
    populate(work, notebooks)
    edit(work / LOSS, 1, "my answer")
    lesson(notebooks / LOSS, "# InfoNCE, better")
    monkeypatch.setattr("course.workspace._remember", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        update(work, notebooks)
    monkeypatch.undo()
    update(work, notebooks)
    assert sources(work / LOSS) == ["# InfoNCE, better", "my answer"]
    assert update(work, notebooks) == []


def test_a_copy_with_no_known_origin_keeps_everything(course):
    work, notebooks = course
    lesson(work / LOSS, "# My own title", "my answer")
    [change] = [change for change in update(work, notebooks) if change.path == LOSS]
    assert sources(work / LOSS) == ["# InfoNCE", "# My own title", "my answer"]
    assert change.backup is not None


def test_a_file_that_the_learner_changed_stays(course):
    work, notebooks = course
    populate(work, notebooks)
    (work / TABLE).write_text("mine\n")
    (notebooks / TABLE).write_text("1,2,3\n")
    [change] = update(work, notebooks)
    assert change.summary == "yours is kept; `course reset 01_infonce/pairs.csv` takes the new release"
    assert (work / TABLE).read_text() == "mine\n"
    assert update(work, notebooks) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"cells": [\n<<<<<<< HEAD', "line 2 is not JSON"),
        (b"\xff\xfe", "it is not UTF-8 text"),
        (b"[]", "it has no list of cells"),
        (b'{"cells": [], "nbformat": 3, "nbformat_minor": 0}', "its format should be 4, but is 3"),
        (
            b'{"cells": [3], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
            "it breaks the notebook format",
        ),
        (
            b'{"cells": [{"cell_type": "code"}], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
            "it breaks the notebook format",
        ),
    ],
)
def test_a_broken_notebook_is_reported_and_left_alone(course, content, reason):
    work, notebooks = course
    populate(work, notebooks)
    (work / LOSS).write_bytes(content)
    lesson(notebooks / LOSS, "# InfoNCE, better")
    for _ in range(2):
        [change] = update(work, notebooks)
        assert change.summary.startswith(f"left alone, because it cannot be read as a notebook ({reason}")
        assert "`course reset 01_infonce/infonce.ipynb`" in change.summary
        assert (work / LOSS).read_bytes() == content
    reset(LOSS, work, notebooks)
    assert sources(work / LOSS) == ["# InfoNCE, better", STUB]


def test_a_write_that_fails_leaves_the_old_file_and_one_sentence(tmp_path, monkeypatch):
    path = tmp_path / "lesson.ipynb"
    path.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CourseError, match=r"^Cannot write .*lesson\.ipynb: No space left on device\.$"):
        files.write(path, b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["lesson.ipynb"]
    assert path.read_text() == "old"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CourseError, match=r"^Cannot write "):
        files.write(tmp_path / "file" / "lesson.ipynb", b"")
    with pytest.raises(CourseError, match=r"^Cannot back up "):
        files.back_up(tmp_path / "file", tmp_path / "file" / "backup")
