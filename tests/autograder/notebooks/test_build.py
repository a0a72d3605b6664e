"""From sources to the release: the same bytes each time, answers removed, all or nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest

from autograder.notebooks.build import build_release, build_solutions, differences
from autograder.notebooks.command import INDEX, build
from autograder.notebooks.lint import lint
from autograder.study import worked_answer

LESSON = '''\
# %% [markdown]
# # A lesson
#
# ## Both directions

# %%
import torch

from autograder import check

# %% solution="infonce.clip_loss"
def clip_loss(image_features, text_features, logit_scale):
    """The loss of a batch."""
    ### BEGIN SOLUTION
    logits = logit_scale * image_features @ text_features.T
    return torch.nn.functional.cross_entropy(logits, torch.arange(len(logits)))
    ### END SOLUTION

# %% check="infonce.clip_loss"
check("infonce.clip_loss", clip_loss)

# %% tags=["experiment"]
torch.ones(3)

# %% [markdown]
# ## Explain it

# %% [markdown] solution="infonce.explain_ceiling"
# The loss cannot be negative.
'''


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A course of one lesson, not built yet."""
    write(tmp_path, LESSON)
    return tmp_path


def write(root: Path, text: str) -> None:
    source = root / "solutions" / "01_infonce" / "infonce.py"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(text, encoding="utf-8")


def read(folder: Path) -> dict[str, nbformat.NotebookNode]:
    """The cells of the lesson's notebook by id."""
    notebook = nbformat.read(folder / "01_infonce" / "infonce.ipynb", as_version=4)
    nbformat.validate(notebook)
    return {cell.id: cell for cell in notebook.cells}


def test_building_twice_gives_the_same_bytes(clone, tmp_path):
    for name in ("one", "other"):
        build_release(clone / "solutions", tmp_path / name)
        build_solutions(clone / "solutions", tmp_path / f"{name}-solved")
    assert differences(tmp_path / "one", tmp_path / "other") == []
    assert differences(tmp_path / "one-solved", tmp_path / "other-solved") == []


def test_the_release_has_stubs_where_the_answers_were(clone, tmp_path):
    build_release(clone / "solutions", tmp_path / "release")
    cells = read(tmp_path / "release")
    assert cells["clip_loss"].source == (
        "def clip_loss(image_features, text_features, logit_scale):\n"
        '    """The loss of a batch."""\n'
        "    # YOUR CODE HERE\n"
        "    raise NotImplementedError()"
    )
    assert cells["explain_ceiling"].source == "YOUR ANSWER HERE"


def test_ids_and_points_come_from_the_exercises(clone, tmp_path):
    build_release(clone / "solutions", tmp_path / "release")
    cells = read(tmp_path / "release")
    graded = {name: cell.metadata.nbgrader for name, cell in cells.items() if "nbgrader" in cell.metadata}
    kinds = {name: (one.grade, one.solution, one.get("points")) for name, one in graded.items()}
    assert kinds == {
        "clip_loss": (False, True, None),
        "check-clip_loss": (True, False, 3.0),
        "explain_ceiling": (True, True, 2),
    }
    assert [cell.metadata.tags for cell in cells.values() if "tags" in cell.metadata] == [["experiment"]]


def test_cell_ids_stay_when_other_cells_change(clone, tmp_path):
    build_solutions(clone / "solutions", tmp_path / "before")
    write(clone, LESSON.replace("# %%\nimport torch", "# %% [markdown]\n# A new cell.\n\n# %%\nimport torch"))
    build_solutions(clone / "solutions", tmp_path / "after")
    before, after = list(read(tmp_path / "before")), list(read(tmp_path / "after"))
    assert [name for name in after if name in before] == before
    assert len(after) == len(before) + 1


def test_build_writes_notebooks_and_index(clone, capsys):
    assert build(clone) == 0
    assert list(read(clone / "notebooks"))[-1] == "explain_ceiling"
    (lesson,) = json.loads((clone / INDEX).read_text(encoding="utf-8"))["lessons"]
    assert [entry["id"] for entry in lesson["exercises"]] == ["infonce.clip_loss", "infonce.explain_ceiling"]


def test_a_lesson_may_have_two_notebooks(clone):
    first, again, explanation = LESSON.partition("# %% [markdown]\n# ## Explain it")
    write(clone, first)
    second = clone / "solutions" / "01_infonce" / "ceiling.py"  # sorts before the first, and comes after it
    second.write_text("# %% [markdown]\n# # The ceiling\n\n" + again + explanation, encoding="utf-8")
    assert build(clone) == 0
    assert sorted(path.name for path in (clone / "notebooks" / "01_infonce").iterdir()) == [
        "ceiling.ipynb",
        "infonce.ipynb",
    ]
    (lesson,) = json.loads((clone / INDEX).read_text(encoding="utf-8"))["lessons"]
    assert lesson["title"] == "A lesson"
    assert [(entry["id"], entry["notebook"]) for entry in lesson["exercises"]] == [
        ("infonce.clip_loss", "01_infonce/infonce.ipynb"),
        ("infonce.explain_ceiling", "01_infonce/ceiling.ipynb"),
    ]
    missing = [text for text in lint(clone) if "should have one" in text]
    assert all(text.startswith("01_infonce/infonce.py, 01_infonce/ceiling.py: ") for text in missing)
    assert not [text for text in missing if ": infonce.clip_loss " in text or "explain_ceiling" in text]
    assert "return torch.nn.functional.cross_entropy" in str(
        worked_answer("infonce.clip_loss", clone / "solutions")
    )
    assert worked_answer("infonce.explain_ceiling", clone / "solutions") == "The loss cannot be negative."


def test_build_prints_what_the_linter_finds(clone, capsys):
    write(clone, LESSON.replace("# # A lesson\n", "# # A lesson\n#\n# ### Too deep\n"))
    assert build(clone) == 0
    assert "heading 'Too deep' has level 3 below level 1." in capsys.readouterr().out


def test_check_finds_what_is_older_than_its_source(clone, capsys, monkeypatch):
    monkeypatch.setattr("autograder.notebooks.command.lint", lambda root: [])
    build(clone)
    assert build(clone, check=True) == 0
    write(clone, LESSON.replace("## Explain it", "## Explain it, please"))
    before = {path: path.read_bytes() for path in clone.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert build(clone, check=True) == 1
    assert capsys.readouterr().out == (
        "notebooks/01_infonce/infonce.ipynb is not what its source makes: run `course build`.\n"
    )
    assert {path: path.read_bytes() for path in clone.rglob("*") if path.is_file()} == before
    (clone / INDEX).write_text("{}", encoding="utf-8")
    build(clone, check=True)
    assert "autograder/exercises/index.json is not what its source makes" in capsys.readouterr().out


def test_a_lesson_that_is_gone_leaves_the_release(clone):
    build(clone)
    (clone / "notebooks" / "02_old").mkdir()
    build(clone)
    assert [path.name for path in (clone / "notebooks").iterdir()] == ["01_infonce"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("infonce.clip_loss", "infonce.clip_los", "no exercise is called 'infonce.clip_los'"),
        ('tags=["experiment"]', 'tag=["experiment"]', r"unknown cell metadata \['tag'\]"),
        ("    ### END SOLUTION\n", "", "01_infonce: nbgrader cannot convert it"),
    ],
)
def test_a_source_that_cannot_be_built_changes_nothing(clone, capsys, old, new, says):
    build(clone)
    before = {path: path.read_bytes() for path in clone.rglob("*.ipynb")}
    write(clone, LESSON.replace(old, new))
    capsys.readouterr()
    assert build(clone) == 1
    (said,) = capsys.readouterr().out.splitlines()
    assert re.search(says, said)
    assert {path: path.read_bytes() for path in clone.rglob("*.ipynb")} == before
    assert not list(clone.glob(".build-*"))
