"""The learner's text survives every merge, and what the learner left alone follows the release."""

from __future__ import annotations

from copy import deepcopy

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course.merge import merge


def answer(name, source):
    grading = {"grade": False, "grade_id": name, "locked": False, "schema_version": 3, "solution": True}
    return new_code_cell(source, id=name, metadata={"nbgrader": {**grading, "task": False}})


def check(name, source):
    grading = {"grade": True, "grade_id": name, "locked": True, "points": 2, "schema_version": 3}
    return new_code_cell(
        source, id=name, metadata={"nbgrader": {**grading, "solution": False, "task": False}}
    )


def text(name, source):
    return new_markdown_cell(source, id=name)


def book(*cells):
    return new_notebook(cells=deepcopy(list(cells)))


def sources(notebook):
    return [cell.source for cell in notebook.cells]


STUB = "def clip_loss(x):\n    ..."
RELEASE = [text("intro", "# Lesson"), answer("loss", STUB), check("check-loss", "check('loss')")]


def test_an_answer_is_kept_and_the_rest_follows_the_release():
    mine = book(RELEASE[0], answer("loss", "def clip_loss(x):\n    return 1"), RELEASE[2])
    new = book(
        text("intro", "# Lesson, better"), answer("loss", STUB), check("check-loss", "check('loss', 2)")
    )
    result = merge(book(*RELEASE), mine, new)
    assert sources(result.notebook) == [
        "# Lesson, better",
        "def clip_loss(x):\n    return 1",
        "check('loss', 2)",
    ]
    assert result.answers == ("loss",)
    assert (result.added, result.revised, result.removed, result.beside) == (0, 2, 0, 0)


def test_an_untouched_stub_becomes_the_new_stub():
    new = book(RELEASE[0], answer("loss", "def clip_loss(a, b):\n    ..."), RELEASE[2])
    result = merge(book(*RELEASE), book(*RELEASE), new)
    assert result.notebook.cells[1].source == "def clip_loss(a, b):\n    ..."
    assert result.answers == ()


def test_without_a_base_a_differing_answer_is_the_learners():
    mine = book(RELEASE[0], answer("loss", "mine"), RELEASE[2])
    assert merge(None, mine, book(*RELEASE)).notebook.cells[1].source == "mine"


def test_own_cells_follow_the_cell_they_followed():
    mine = book(
        text("top", "my title"), RELEASE[0], text("n1", "a note"), RELEASE[1], text("n2", "two"), RELEASE[2]
    )
    new = book(RELEASE[0], text("extra", "more"), RELEASE[1], RELEASE[2])
    assert sources(merge(book(*RELEASE), mine, new).notebook) == [
        "my title", "# Lesson", "a note", "more", STUB, "two", "check('loss')",
    ]  # fmt: skip


def test_text_changed_on_both_sides_stands_twice_and_on_one_side_once():
    mine = book(text("intro", "# My lesson"), *RELEASE[1:])
    both = merge(book(*RELEASE), mine, book(text("intro", "# Lesson, better"), *RELEASE[1:]))
    assert sources(both.notebook)[:2] == ["# Lesson, better", "# My lesson"]
    assert both.beside == 1
    one = merge(book(*RELEASE), mine, book(*RELEASE, text("end", "the end")))
    assert sources(one.notebook) == ["# My lesson", STUB, "check('loss')", "the end"]


def test_an_edited_check_is_the_releases_again_with_the_edit_beside_it():
    mine = book(*RELEASE[:2], check("check-loss", "check('loss', easy=True)"))
    result = merge(book(*RELEASE), mine, book(*RELEASE))
    assert sources(result.notebook)[2:] == ["check('loss')", "check('loss', easy=True)"]
    assert "nbgrader" not in result.notebook.cells[3].metadata


def test_deleted_text_stays_deleted_and_deleted_checks_return():
    result = merge(book(*RELEASE), book(RELEASE[1]), book(*RELEASE))
    assert sources(result.notebook) == [STUB, "check('loss')"]


def test_a_dropped_exercise_leaves_the_answer_but_not_its_grading():
    mine = book(RELEASE[0], answer("loss", "my answer"), RELEASE[2])
    result = merge(book(*RELEASE), mine, book(RELEASE[0]))
    assert sources(result.notebook) == ["# Lesson", "my answer"]
    assert "nbgrader" not in result.notebook.cells[1].metadata
    assert result.removed == 1


def test_a_pasted_copy_of_an_answer_does_not_displace_it():
    pasted = answer("loss", "an older try")
    pasted["id"] = "pasted"
    mine = book(RELEASE[0], pasted, answer("loss", "the answer"), RELEASE[2])
    merged = merge(book(*RELEASE), mine, book(*RELEASE)).notebook
    graded = [cell for cell in merged.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "loss"]
    assert [cell.source for cell in graded] == ["the answer"]
    assert "an older try" in sources(merged)


def test_an_answer_turned_into_text_becomes_code_again():
    mine = book(RELEASE[0], text("loss", "return 1"), RELEASE[2])
    mine.cells[1].metadata = RELEASE[1].metadata
    mine.cells[1].attachments = {"a.png": {"image/png": "aGk="}}
    merged = merge(book(*RELEASE), mine, book(*RELEASE)).notebook
    assert (merged.cells[1].cell_type, merged.cells[1].source) == ("code", "return 1")
    assert any("attachments" in cell for cell in merged.cells)
    nbformat.validate(merged)


def test_outputs_stay_with_the_source_that_made_them():
    mine = book(RELEASE[0], answer("loss", "print(1)"), RELEASE[2])
    for cell in mine.cells[1:]:
        cell.outputs = [new_output("stream", text="1")]
    new = book(RELEASE[0], RELEASE[1], check("check-loss", "check('loss', 2)"))
    merged = merge(book(*RELEASE), mine, new).notebook
    assert merged.cells[1].outputs == mine.cells[1].outputs
    assert merged.cells[2].outputs == []


def test_cells_that_lost_their_ids_are_known_by_their_source():
    mine = book(RELEASE[0], answer("loss", "mine"), RELEASE[2])
    for cell in mine.cells:
        del cell["id"]
    new = book(text("intro", "# Lesson, better"), *RELEASE[1:])
    merged = merge(book(*RELEASE), mine, new).notebook
    assert sources(merged) == ["# Lesson, better", "mine", "check('loss')"]


def test_notebook_metadata_of_both_sides_stays():
    mine, new = book(*RELEASE), book(*RELEASE)
    mine.metadata.update(kernelspec={"name": "mine"}, widgets={"state": 1})
    new.metadata.update(kernelspec={"name": "python3"})
    assert merge(None, mine, new).notebook.metadata == {
        "kernelspec": {"name": "python3"},
        "widgets": {"state": 1},
    }


# A release is a subset of these names, each in one of three wordings.
NAMES = ["a", "b", "c", "d", "e", "f"]
KINDS = {"a": text, "b": answer, "c": check, "d": text, "e": answer, "f": check}
releases = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 2)), unique_by=lambda pair: pair[0]).map(
    lambda pairs: book(*(KINDS[name](name, f"{name} in wording {version}") for name, version in pairs))
)


@st.composite
def histories(draw):
    """A release, a newer one, and what a learner made of the first."""
    base, new = draw(releases), draw(releases)
    mine = deepcopy(base)
    for step in range(draw(st.integers(0, 8))):
        act = draw(st.sampled_from(["edit", "add", "delete", "move", "paste", "forget id", "change type"]))
        place = draw(st.integers(0, len(mine.cells)))
        if act == "add":
            mine.cells.insert(place, new_code_cell(f"own {step}", id=f"own{step}"))
            continue
        if place == len(mine.cells):
            continue
        if act == "edit":
            mine.cells[place].source = f"edit {step}"
        elif act == "delete":
            del mine.cells[place]
        elif act == "move":
            mine.cells.insert(0, mine.cells.pop(place))
        elif act == "forget id":
            mine.cells[place].pop("id", None)
        elif act == "paste":
            copy = deepcopy(mine.cells[place])
            copy["id"] = f"paste{step}"
            mine.cells.append(copy)
        else:
            cell = mine.cells[place]
            fresh = text("x", cell.source) if cell.cell_type == "code" else new_code_cell(cell.source)
            fresh.metadata = cell.metadata
            mine.cells[place] = fresh
    return draw(st.sampled_from([base, None])), mine, new


@settings(max_examples=300, deadline=None)
@given(histories())
def test_no_source_of_the_learners_is_ever_lost(history):
    base, mine, new = history
    before = deepcopy(history)
    merged = merge(base, mine, new).notebook
    assert history == before, "the arguments stay as they are"

    typed = [cell.source for cell in mine.cells if cell.source.startswith(("own", "edit"))]
    kept = sources(merged)
    assert all(kept.count(source) >= typed.count(source) for source in typed)

    nbformat.validate(merged)
    ids = [cell.id for cell in merged.cells]
    assert len(ids) == len(set(ids))
    grades = [cell.metadata.nbgrader.grade_id for cell in merged.cells if "nbgrader" in cell.metadata]
    assert sorted(grades) == sorted(
        cell.metadata.nbgrader.grade_id for cell in new.cells if "nbgrader" in cell.metadata
    )
    for cell in new.cells:
        if cell.metadata.get("nbgrader", {}).get("locked"):
            assert cell.source in kept

    again = merge(new, merged, new)
    assert again.notebook == merged
    assert (again.added, again.revised, again.removed, again.beside) == (0, 0, 0, 0)


def test_a_source_under_another_type_is_not_taken_for_the_released_cell():
    base, new = book(text("d", "words"), text("a", "more")), book(text("a", "more"), text("d", "words"))
    mine = book(new_code_cell("words", id="mine"), text("a", "mine, too"), text("x", "words"))
    merged = merge(base, mine, new).notebook
    assert [cell.id for cell in merged.cells] == ["mine", "a", "d"]
    assert merge(new, merged, new).notebook == merged


@pytest.mark.parametrize("with_base", [True, False])
def test_the_same_release_changes_nothing(with_base):
    mine = book(*RELEASE[:2], text("own", "note"), RELEASE[2])
    assert merge(book(*RELEASE) if with_base else None, mine, book(*RELEASE)).notebook == mine
