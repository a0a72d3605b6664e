"""What is read of an assignment: cells, points, order, support files, and versions of exercises."""

from __future__ import annotations

import json
import shutil

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.utils import compute_checksum

from autograder import exercises
from autograder.classroom import versions as versions_module
from autograder.classroom.marks import marked
from autograder.classroom.releases import ReleaseError, asked_by, read_assignment
from autograder.classroom.versions import JUDGING, files, versions

pytestmark = pytest.mark.nbgrader


def test_a_lesson_asks_for_its_exercises_in_the_released_order(infonce, raw):
    (notebook,) = infonce.notebooks
    marks = [cell["metadata"].get("nbgrader") for cell in json.loads(raw)["cells"]]
    assert [cell.grade_id for cell in notebook.cells] == [mark["grade_id"] for mark in marks if mark]
    ids = [f"infonce.{cell.grade_id.removeprefix('check-')}" for cell in notebook.graded if cell.locked]
    assert [cell.exercise for cell in notebook.graded if cell.locked] == ids
    assert set(ids) == {name for name in exercises() if name.startswith("infonce.")}
    assert all(f"check-{cell.variable}" == cell.grade_id for cell in notebook.cells if cell.exercise)
    assert set(infonce.versions) == set(ids)


def test_points_and_marks_are_those_of_the_gradebook(course, infonce):
    with Gradebook(f"sqlite:///{course / 'classroom' / 'gradebook.db'}") as gradebook:
        known = gradebook.find_notebook("infonce", "01_infonce")
        points = {cell.name: cell.max_score for cell in known.grade_cells}
        assert infonce.notebooks[0].kernelspec == json.loads(known.kernelspec)
    assert {cell.grade_id: cell.points for cell in infonce.notebooks[0].graded} == points
    explained = next(cell for cell in infonce.notebooks[0].cells if cell.grade_id == "explain_ceiling")
    assert (explained.grade, explained.solution, explained.locked, explained.task) == (
        True,
        True,
        False,
        False,
    )
    assert explained.exercise is None


def test_no_answer_lies_among_the_support_files(course, infonce):
    assert infonce.files == {}
    assert (course / "solutions" / "01_infonce" / "infonce.py").exists()


def test_two_notebooks_of_one_assignment(course):
    assignment = read_assignment(course, "07_post_training")
    assert [notebook.name for notebook in assignment.notebooks] == ["gptq_awq", "post_training"]
    assert all(cell.exercise for n in assignment.notebooks for cell in n.graded if cell.locked)


def test_somebody_elses_assignment(plain):
    assignment = read_assignment(plain, "ps1")
    (notebook,) = assignment.notebooks
    assert assignment.files == {"data.csv": b"a,b\n", "more/deep.txt": b"deep"}
    assert assignment.versions == {}
    cells = {cell.grade_id: cell for cell in notebook.cells}
    assert [*cells] == ["setup", "f", "test-f", "test-f-again", "plot", "explain", "draw"]
    assert "HIDDEN" in cells["test-f"].source
    assert {name: cell.points for name, cell in cells.items() if cell.points} == {
        "test-f": 3.0,
        "test-f-again": 1.0,
        "plot": 2.0,
        "explain": 4.0,
        "draw": 5.0,
    }
    assert [cell.grade_id for cell in notebook.graded] == [
        "test-f",
        "test-f-again",
        "plot",
        "explain",
        "draw",
    ]
    assert cells["draw"].task
    assert not cells["draw"].grade
    assert cells["setup"].locked


def test_a_locked_cell_has_the_checksum_of_what_it_is_put_back_to(plain, infonce):
    for notebook in (*read_assignment(plain, "ps1").notebooks, *infonce.notebooks):
        for cell in notebook.cells:
            if cell.locked:
                assert compute_checksum(marked(cell.source, cell)) == cell.checksum


def test_without_a_release_the_source_gives_the_order(plain, tmp_path):
    copy = shutil.copytree(plain, tmp_path / "copy")
    expected = read_assignment(copy, "ps1").notebooks
    shutil.rmtree(copy / "release")
    assert read_assignment(copy, "ps1").notebooks == expected
    shutil.rmtree(copy / "source")
    with pytest.raises(ReleaseError, match=r"There is no .*first\.ipynb, and no .*first\.ipynb"):
        read_assignment(copy, "ps1")


def test_the_order_is_that_of_the_released_notebook(plain, tmp_path):
    copy = shutil.copytree(plain, tmp_path / "copy")
    path = copy / "release" / "ps1" / "first.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.reverse()
    nbformat.write(notebook, path)
    names = [cell.grade_id for cell in read_assignment(copy, "ps1").notebooks[0].cells]
    assert names == ["draw", "explain", "plot", "test-f-again", "test-f", "f", "setup"]


def test_files_that_are_not_to_be_overwritten(plain, tmp_path):
    copy = shutil.copytree(plain, tmp_path / "copy")
    (copy / "nbgrader_config.py").write_text(
        'c = get_config()\nc.Autograde.exclude_overwriting = {"ps1": ["more/deep.txt"]}\n'
        'c.CourseDirectory.ignore = ["*.csv", "__pycache__", ".ipynb_checkpoints"]\n'
    )
    assert read_assignment(copy, "ps1").files == {}


def test_what_to_do_when_the_gradebook_does_not_know_it(course, tmp_path):
    known = r"knows no assignment '99_none' \(it knows: 01_infonce, 07_post.*make classroom"
    with pytest.raises(ReleaseError, match=known):
        read_assignment(course, "99_none")
    with pytest.raises(
        ReleaseError, match=r"There is no gradebook at .*gradebook\.db\. Run `make classroom`"
    ):
        read_assignment(tmp_path, "ps1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("", None),
        ("c.Execute.timeout = 45", 45.0),
        ("c.ExecutePreprocessor.timeout = 45", 45.0),
        ("c.ExecutePreprocessor.timeout = 45\nc.Execute.timeout = 50", 50.0),
        ("c.Execute.timeout = None", 900.0),
        ("c.Execute.timeout = -1", 900.0),
    ],
)
def test_the_limit_of_a_cell_is_the_courses_own(plain, tmp_path, line, seconds):
    copy = shutil.copytree(plain, tmp_path / "copy")
    (copy / "nbgrader_config.py").write_text(f"c = get_config()\n{line}\n")
    assert read_assignment(copy, "ps1").cell_seconds == seconds


def test_a_limit_that_is_no_number_is_one_sentence(plain, tmp_path):
    copy = shutil.copytree(plain, tmp_path / "copy")
    (copy / "nbgrader_config.py").write_text("c = get_config()\nc.Execute.timeout = '2 min'\n")
    with pytest.raises(ReleaseError, match=r"Execute.timeout in nbgrader_config.py must be a whole number"):
        read_assignment(copy, "ps1")


def test_a_broken_configuration_is_one_sentence(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n1 / 0\n")
    with pytest.raises(ReleaseError, match=r"nbgrader_config\.py cannot be read \(ZeroDivisionError: .*\)"):
        read_assignment(tmp_path, "ps1")


@pytest.mark.parametrize(
    "source",
    [
        'check("infonce.clip_loss", clip_loss)',
        "check('infonce.clip_loss',\n      clip_loss)  # run me",
        '# first\ncheck("infonce.clip_loss", clip_loss)\n',
    ],
)
def test_one_call_of_check_asks_for_an_exercise(source):
    assert asked_by(source, exercises()) == ("infonce.clip_loss", "clip_loss")


@pytest.mark.parametrize(
    "source",
    [
        "",
        "assert clip_loss(1) == 2",
        'check("infonce.no_such", clip_loss)',
        'check("infonce.clip_loss", clip_loss); print()',
        'x = 1\ncheck("infonce.clip_loss", clip_loss)',
        'check("infonce.clip_loss", my.clip_loss)',
        'check("infonce.clip_loss", lambda: 1)',
        'check("infonce.clip_loss", answer=clip_loss)',
        'check(*["infonce.clip_loss", clip_loss])',
        'check("infonce.clip_loss", *clip_loss)',
        'check("infonce.clip_loss")',
        'other.check("infonce.clip_loss", clip_loss)',
        'score = check("infonce.clip_loss", clip_loss)',
        'check(f"infonce.clip_loss", clip_loss)',
        "%time x",
        "def f(:",
        "\0",
    ],
)
def test_anything_else_is_graded_by_its_outputs(source):
    assert asked_by(source, exercises()) == (None, None)


def test_a_version_covers_what_judges_and_what_is_compared_with():
    found = files([*JUDGING, "autograder.exercises.infonce.clip_loss"])
    names = {path.relative_to(versions_module.ROOT).as_posix() for path in found}
    assert names >= {
        "autograder/exercises/infonce/clip_loss.py",
        "autograder/exercises/ingredients.py",
        "autograder/judge.py",
        "autograder/compare.py",
        "autograder/cases.py",
        "autograder/expectation.py",
        "autograder/observers/function.py",
        "autograder/observers/ranks.py",
        "course_lib/contrastive/infonce.py",
    }
    # An exercise does not depend on the others, on what is only shown, or on another half of the course.
    assert not {name for name in names if name.startswith(("course_lib/quantization", "course_lib/figures"))}
    assert "autograder/exercises/infonce/recall_at_k.py" not in names
    assert "autograder/exercises/index.json" not in names


def test_a_version_changes_with_any_of_its_files(tmp_path, monkeypatch):
    for package in versions_module.OURS:
        ignored = shutil.ignore_patterns("__pycache__", "*.npz")
        shutil.copytree(versions_module.ROOT / package, tmp_path / package, ignore=ignored)
    monkeypatch.setattr(versions_module, "ROOT", tmp_path)

    def forget():
        for cached in (versions_module._of, versions_module._path, versions_module._imports):
            cached.cache_clear()

    def now():
        forget()
        return versions(["infonce.clip_loss", "infonce.recall_at_k", "affine_quantization.quantize"])

    before = now()

    def changed(path):
        file = tmp_path / path
        text = file.read_text(encoding="utf-8")
        file.write_text(text + "\n# changed\n", encoding="utf-8")
        after = now()
        file.write_text(text, encoding="utf-8")
        return {name for name in before if after[name] != before[name]}

    assert changed("autograder/exercises/infonce/clip_loss.py") == {"infonce.clip_loss"}
    assert changed("course_lib/contrastive/infonce.py") == {"infonce.clip_loss", "infonce.recall_at_k"}
    assert changed("course_lib/quantization/__init__.py") == {"affine_quantization.quantize"}
    assert changed("autograder/compare.py") == set(before)
    assert changed("autograder/observers/encoders.py") == set(before)
    assert changed("course_lib/data/checksums.json") >= {"infonce.clip_loss"}
    assert changed("autograder/progress/store.py") == set()
    assert now() == before
    forget()
