"""Released cells put back: as nbgrader does it, and where nbgrader stops."""

from __future__ import annotations

import copy
import json
import shutil

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbgrader.api import Gradebook
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearOutput,
    DeduplicateIds,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)
from nbgrader.utils import compute_checksum, determine_grade

from autograder.classroom import parsing, untrusted
from autograder.classroom.marks import marks_of
from autograder.classroom.nbgrader_rules import score_of_outputs
from autograder.classroom.outcome import status_of
from autograder.classroom.releases import read_assignment
from autograder.classroom.restoring import comments, restore, score_of_manual

pytestmark = pytest.mark.nbgrader

SANITIZING = (ClearOutput, DeduplicateIds, OverwriteKernelspec, OverwriteCells, CheckCellMetadata)


@pytest.fixture(scope="module")
def lesson(course, infonce, raw):
    return Released(infonce.notebooks[0], raw, "01_infonce", course / "classroom" / "gradebook.db")


@pytest.fixture(scope="module")
def other(plain):
    raw = (plain / "release" / "ps1" / "first.ipynb").read_bytes()
    return Released(read_assignment(plain, "ps1").notebooks[0], raw, "ps1", plain / "gradebook.db")


class Released:
    """A released notebook, to be handed in with changes."""

    def __init__(self, spec, raw, assignment, gradebook):
        self.spec, self.raw = spec, raw
        self.resources = {
            "nbgrader": {
                "notebook": spec.name,
                "assignment": assignment,
                "student": "ada",
                "db_url": f"sqlite:///{gradebook}",
            }
        }

    def changed(self, change=lambda notebook: None):
        notebook = json.loads(self.raw)
        change(notebook)
        return json.dumps(notebook).encode()

    def restored(self, change=lambda notebook: None):
        notebook, problems = restore(self.changed(change), self.spec)
        assert notebook is not None, problems
        self.check(notebook)
        return notebook, problems

    def sanitized(self, raw):
        """What nbgrader's own preprocessors make of it."""
        notebook = nbformat.reads(raw.decode(), as_version=4)
        for preprocessor in SANITIZING:
            notebook, _ = preprocessor().preprocess(notebook, self.resources)
        return notebook

    def check(self, notebook):
        """What holds for every restored notebook."""
        nbformat.validate(notebook)
        MetadataValidator().validate_nb(notebook)
        assert json.loads(nbformat.writes(notebook).encode()) is not None
        found = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
        ids = [cell.metadata.nbgrader.grade_id for cell in found]
        known = {cell.grade_id: cell for cell in self.spec.cells}
        assert len(ids) == len(set(ids))
        assert set(ids) <= set(known)
        assert set(ids) >= {
            cell.grade_id for cell in self.spec.cells if cell.grade or cell.task or cell.locked
        }
        for cell in found:
            released, marks = known[cell.metadata.nbgrader.grade_id], cell.metadata.nbgrader
            assert cell.cell_type == released.cell_type
            assert marks.get("points", 0) == released.points or not (released.grade or released.task)
            assert (marks.grade, marks.solution) == (released.grade, released.solution)
            assert marks.checksum == released.checksum
            if released.locked:
                assert cell.source == released.source
                assert compute_checksum(cell) == released.checksum


def place(notebook, grade_id):
    marks = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in notebook["cells"]]
    return marks.index(grade_id)


def at(notebook, grade_id):
    return notebook["cells"][place(notebook, grade_id)]


def order(notebook):
    return [c.metadata.nbgrader.grade_id for c in notebook.cells if "nbgrader" in c.metadata]


def kinds(problems):
    return [problem.kind for problem in problems]


def code(source, **metadata):
    cell = nbformat.v4.new_code_cell(source, metadata=metadata, id="new")
    return dict(cell)


# What nbgrader accepts, and the notebooks in which it happens: the result must be the same, cell by cell.


def answered(nb):
    for cell in nb["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("solution"):
            cell["source"] = ["# mine\n", "x = 1\n"]


def run(nb):
    for cell in nb["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"] = 3
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]}]
            cell["metadata"] |= {"collapsed": True, "scrolled": False, "trusted": True}


def notes(nb):
    nb["cells"].insert(3, code("scratch = 1", tags=["mine"], vscode={"languageId": "python"}))
    nb["cells"].append(
        {
            "id": "notes",
            "cell_type": "markdown",
            "metadata": {},
            "source": "notes",
            "attachments": {"a.png": {"image/png": "AAAA"}},
        }
    )
    nb["cells"].insert(
        0, {"id": "raw", "cell_type": "raw", "metadata": {"format": "text/html"}, "source": "<b>"}
    )


def without_ids(nb):
    nb["nbformat_minor"] = 4
    for cell in nb["cells"]:
        cell.pop("id", None)


def other_kernel(nb):
    nb["metadata"]["kernelspec"] = {"name": "my-env", "display_name": "Mine"}
    nb["metadata"]["language_info"] = {
        "name": "python",
        "version": "3.9",
        "codemirror_mode": {"name": "ipython"},
    }


def edited_checks(nb):
    for cell in nb["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("locked"):
            cell["source"] = "print('mine')"


def spaces(nb):
    for cell in nb["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("locked"):
            cell["source"] = [*cell["source"], "\n\n"]


def other_points(nb):
    for cell in nb["cells"]:
        if "points" in cell["metadata"].get("nbgrader", {}):
            cell["metadata"]["nbgrader"]["points"] = 99


def other_checksums(nb):
    for cell in nb["cells"]:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["checksum"] = "0" * 32


def other_types(nb):
    for cell in nb["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("solution") and not marks.get("grade"):
            cell["cell_type"] = "markdown"
            del cell["outputs"], cell["execution_count"]


def unlocked(nb):
    for cell in nb["cells"]:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["locked"] = cell["metadata"]["nbgrader"]["solution"]


def without_answers(nb):
    nb["cells"] = [
        cell
        for cell in nb["cells"]
        if not (
            cell["metadata"].get("nbgrader", {}).get("solution") and not cell["metadata"]["nbgrader"]["grade"]
        )
    ]


def without_prose(nb):
    nb["cells"] = [cell for cell in nb["cells"] if "nbgrader" in cell["metadata"]]


def backwards(nb):
    nb["cells"].reverse()


def untouched(nb):
    pass


ACCEPTED = [
    untouched,
    answered,
    run,
    notes,
    without_ids,
    other_kernel,
    edited_checks,
    spaces,
    other_points,
    other_checksums,
    other_types,
    unlocked,
    without_answers,
    without_prose,
    backwards,
]


@pytest.mark.parametrize("change", ACCEPTED)
@pytest.mark.parametrize("name", ["lesson", "other"])
def test_the_same_as_nbgrader_cell_by_cell(name, change, request):
    released = request.getfixturevalue(name)
    ours, _ = released.restored(change)
    theirs = released.sanitized(released.changed(change))
    assert len(ours.cells) == len(theirs.cells)
    for our, their in zip(ours.cells, theirs.cells, strict=True):
        if change is unlocked and "nbgrader" in our.metadata:
            # nbgrader leaves a mark that means nothing to it; here it is the released one.
            their.metadata.nbgrader.locked = our.metadata.nbgrader.locked
        for their_only in {"id"} if change is without_ids else ():
            assert their_only not in their
            del our[their_only]
        if change is other_points and our.metadata.get("nbgrader", {}).get("task"):
            assert their.metadata.nbgrader.points == 99  # nbgrader does not look at those of a task
            their.metadata.nbgrader.points = 5
        assert our == their
    assert ours.metadata == theirs.metadata


@pytest.mark.parametrize("change", [untouched, answered, run, notes, without_ids])
@pytest.mark.parametrize("name", ["lesson", "other"])
def test_honest_work_has_nothing_to_be_told(name, change, request):
    assert request.getfixturevalue(name).restored(change)[1] == []


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own
@pytest.mark.parametrize("change", [untouched, answered, other_types, edited_checks])
@pytest.mark.parametrize("name", ["lesson", "other"])
def test_scores_and_comments_are_those_that_nbgrader_saves(name, change, request, tmp_path):
    released = request.getfixturevalue(name)
    database = shutil.copy(
        released.resources["nbgrader"]["db_url"].removeprefix("sqlite:///"), tmp_path / "copy.db"
    )
    resources = copy.deepcopy(released.resources)
    resources["nbgrader"]["db_url"] = url = f"sqlite:///{database}"
    notebook, _ = released.restored(change)
    ran = copy.deepcopy(notebook)
    for cell in ran.cells:  # every check has an output of its own kind
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade"):
            cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "0.5"})]
    saved = resources["nbgrader"]
    with Gradebook(url) as gradebook:
        gradebook.update_or_create_student("ada")
        gradebook.update_or_create_submission(saved["assignment"], "ada")
    SaveAutoGrades().preprocess(ran, resources)
    with Gradebook(url) as gradebook:
        submission = gradebook.find_submission_notebook(saved["notebook"], saved["assignment"], "ada")
        scores = {grade.name: grade.auto_score for grade in submission.grades}
        said = {comment.name: comment.auto_comment for comment in submission.comments}
    assert comments(notebook) == {name: said[name] for name in comments(notebook)}
    assert set(comments(notebook)) == set(said)
    manual = {
        cell.metadata.nbgrader.grade_id: score_of_manual(cell)
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("solution") or cell.metadata.get("nbgrader", {}).get("task")
    }
    for released_cell in released.spec.graded:
        if released_cell.solution or released_cell.task:
            assert manual[released_cell.grade_id] == scores[released_cell.grade_id]


@pytest.mark.parametrize(
    "outputs", [[], [("text/plain", "1.5")], [("text/plain", "True")], [("text/plain", "-1")]]
)
def test_a_checks_score_is_nbgraders(lesson, outputs):
    notebook, _ = lesson.restored()
    cell = notebook.cells[place(notebook, "check-clip_loss")]
    cell.outputs = [nbformat.v4.new_output("execute_result", dict([output])) for output in outputs]
    assert score_of_outputs(cell) == (determine_grade(cell)[0], None)


@pytest.mark.parametrize("data", [{}, {"text/plain": ""}, {"text/plain": "99"}, {"text/html": "3"}])
def test_where_nbgrader_stops_at_a_score_it_is_said(lesson, data):
    notebook, _ = lesson.restored()
    cell = notebook.cells[place(notebook, "check-clip_loss")]
    cell.outputs = [nbformat.v4.new_output("execute_result", data)]
    with pytest.raises((KeyError, ValueError)):
        determine_grade(cell)
    score, problem = score_of_outputs(cell)
    assert score == 0
    assert problem.startswith("What the cell check-clip_loss returned is no score: ")


def test_only_a_cell_for_a_person_has_a_score_without_running(lesson):
    notebook, _ = lesson.restored()
    with pytest.raises(ValueError, match="graded by running it"):
        score_of_manual(notebook.cells[place(notebook, "check-clip_loss")])
    assert score_of_manual(notebook.cells[0]) is None


# What nbgrader stops at, or gives a silent 0.


@pytest.mark.parametrize("grade_id", ["check-l2_normalize", "check-clip_loss", "check-loss_from_embeddings"])
def test_a_deleted_check_is_put_back_after_its_answer(lesson, grade_id):
    notebook, problems = lesson.restored(lambda nb: nb["cells"].pop(place(nb, grade_id)))
    assert kinds(problems) == ["restored_cell"]
    assert problems[0].cell == grade_id
    assert status_of(problems) == "graded with problems"
    assert order(notebook) == [cell.grade_id for cell in lesson.spec.cells]
    assert place(notebook, grade_id) == place(notebook, grade_id.removeprefix("check-")) + 1


def test_a_check_put_back_is_the_released_cell(lesson):
    notebook, _ = lesson.restored(lambda nb: nb["cells"].pop(place(nb, "check-clip_loss")))
    released, back = at(json.loads(lesson.raw), "check-clip_loss"), at(notebook, "check-clip_loss")
    assert back.source == "".join(released["source"])
    assert back.metadata == released["metadata"]


def test_a_deleted_answer_is_not_put_back_over_what_the_student_defined(lesson):
    def change(nb):
        answer = place(nb, "clip_loss")
        nb["cells"][answer : answer + 2] = [code("def clip_loss(*_):\n    return mine")]

    notebook, problems = lesson.restored(change)
    assert kinds(problems) == ["edited_cell", "restored_cell"]
    assert "clip_loss" not in order(notebook)
    mine = next(i for i, cell in enumerate(notebook.cells) if "return mine" in cell.source)
    assert mine < place(notebook, "check-clip_loss") < place(notebook, "grad_wrt_logits")


def test_a_deleted_explanation_is_put_back_empty(other):
    notebook, problems = other.restored(lambda nb: nb["cells"].pop(place(nb, "explain")))
    assert kinds(problems) == ["restored_cell"]
    assert "without an answer" in problems[0].text
    cell = at(notebook, "explain")
    assert score_of_manual(cell) == 0
    assert comments(notebook)["explain"] == "No response."
    assert order(notebook) == [cell.grade_id for cell in other.spec.cells]


@pytest.mark.parametrize("gone", [["test-f", "test-f-again"], ["setup"], ["setup", "f", "test-f"], ["draw"]])
def test_several_deleted_cells_come_back_in_order(other, gone):
    def change(nb):
        nb["cells"] = [
            c for c in nb["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") not in gone
        ]

    notebook, problems = other.restored(change)
    assert order(notebook) == [
        cell.grade_id for cell in other.spec.cells if cell.grade_id != "f" or "f" not in gone
    ]
    assert [p.cell for p in problems if p.kind == "restored_cell"] == [name for name in gone if name != "f"]


def test_all_cells_deleted(lesson, other):
    for released in (lesson, other):
        notebook, _ = released.restored(lambda nb: nb.update(cells=[]))
        assert order(notebook) == [c.grade_id for c in released.spec.cells if c.grade or c.task or c.locked]


def test_a_copied_check_counts_once_where_nbgrader_keeps_it(lesson):
    def change(nb):
        nb["cells"].insert(2, copy.deepcopy(at(nb, "check-clip_loss")) | {"id": "copy"})

    notebook, problems = lesson.restored(change)
    assert kinds(problems) == ["duplicate_cell"]
    assert problems[0].cell == "check-clip_loss"
    assert "nbgrader" not in notebook.cells[2].metadata
    assert notebook.cells[2].source == 'check("infonce.clip_loss", clip_loss)'
    with pytest.raises(Exception, match="Outdated schema version"):
        lesson.sanitized(lesson.changed(change))


@pytest.mark.parametrize(
    ("before", "after"), [("mine", None), (None, "mine"), ("  \n", "mine"), ("older", "mine")]
)
def test_of_copies_of_an_answer_the_last_answered_counts(lesson, before, after):
    """A stub kept as a backup is no answer, on whichever side of it; of two answers the later one is."""

    def change(nb):
        for grade_id in ("clip_loss", "explain_ceiling"):
            first = at(nb, grade_id)
            second = copy.deepcopy(first) | {"id": f"copy-{grade_id[:5]}"}
            nb["cells"].insert(place(nb, grade_id) + 1, second)
            for cell, text in ((first, before), (second, after)):
                cell["source"] = cell["source"] if text is None else text

    notebook, problems = lesson.restored(change)
    assert kinds(problems) == ["duplicate_cell", "duplicate_cell"]
    assert at(notebook, "clip_loss").source == "mine"
    assert at(notebook, "explain_ceiling").source == "mine"
    assert score_of_manual(at(notebook, "explain_ceiling")) is None


def test_copies_without_an_answer_have_none(lesson):
    def change(nb):
        nb["cells"].insert(0, copy.deepcopy(at(nb, "explain_ceiling")) | {"id": "copy"})

    notebook, _ = lesson.restored(change)
    assert score_of_manual(at(notebook, "explain_ceiling")) == 0
    assert place(notebook, "explain_ceiling") > 0


def test_a_moved_check_is_graded_where_it_stands_and_named(lesson):
    def change(nb):
        nb["cells"].insert(0, nb["cells"].pop(place(nb, "check-clip_loss")))

    notebook, problems = lesson.restored(change)
    assert place(notebook, "check-clip_loss") == 0
    assert kinds(problems) == ["moved_cell"]
    assert problems[0].text == (
        "Not in the released order: check-clip_loss. Each was graded where it stands, so that its score may be "
        "another one: check-clip_loss before clip_loss."
    )
    assert not problems[0].note


def test_a_check_behind_another_answer_is_named(lesson):
    def change(nb):
        check = nb["cells"].pop(place(nb, "check-clip_loss"))
        nb["cells"].insert(place(nb, "normalize_grad") + 1, check)

    _, problems = lesson.restored(change)
    assert kinds(problems) == ["moved_cell"]
    assert problems[0].cell == "check-clip_loss"
    assert "another one: check-clip_loss behind grad_wrt_logits." in problems[0].text


def test_an_answer_above_another_check_is_named(lesson):
    def change(nb):
        answer = nb["cells"].pop(place(nb, "clip_loss"))
        nb["cells"].insert(place(nb, "check-log_softmax_rows"), answer)

    _, problems = lesson.restored(change)
    assert kinds(problems) == ["moved_cell"]
    assert "another one: check-log_softmax_rows behind clip_loss." in problems[0].text


def test_an_order_that_changes_nothing_for_a_check_is_a_note(lesson):
    def explanation(nb):
        nb["cells"].insert(0, nb["cells"].pop(place(nb, "explain_ceiling")))

    def two_checks(nb):
        first, second = place(nb, "check-clip_loss"), place(nb, "grad_wrt_logits")
        check = nb["cells"].pop(first)
        nb["cells"].insert(second - 1, check)

    assert kinds(lesson.restored(explanation)[1]) == ["edited_cell"]
    assert lesson.restored(two_checks)[1] == []


def test_a_check_put_back_behind_a_moved_answer(lesson):
    def change(nb):
        nb["cells"].pop(place(nb, "check-clip_loss"))
        nb["cells"].append(nb["cells"].pop(place(nb, "clip_loss")))

    notebook, problems = lesson.restored(change)
    assert [cell.metadata.nbgrader.grade_id for cell in notebook.cells[-2:]] == [
        "clip_loss",
        "check-clip_loss",
    ]
    assert kinds(problems) == ["moved_cell", "restored_cell"]


def test_metadata_lost_by_another_program_is_given_back_where_a_cell_stands(lesson):
    def change(nb):
        for cell in nb["cells"]:
            cell["metadata"] = {}

    notebook, problems = lesson.restored(change)
    assert len(notebook.cells) == len(json.loads(lesson.raw)["cells"]) + 1  # the explanation
    sources = [cell.source for cell in notebook.cells]
    assert len([text for text in sources if text.startswith("check(")]) == len(lesson.spec.graded) - 1
    assert [problem.cell for problem in problems if problem.kind == "restored_cell"] == ["explain_ceiling"]


def test_an_edited_check_is_put_back_and_told(lesson):
    def change(nb):
        at(nb, "check-clip_loss")["source"] = "3.0"

    _, problems = lesson.restored(change)
    assert kinds(problems) == ["restored_cell"]
    assert problems[0].text == "The locked cell check-clip_loss was edited; its text was put back."


def test_blank_space_in_a_check_is_only_a_note(lesson):
    _, problems = lesson.restored(spaces)
    assert set(kinds(problems)) == {"edited_cell"}
    assert status_of(problems) == "graded"


def test_hidden_tests_come_in_without_a_word(other):
    notebook, problems = other.restored()
    assert problems == []
    assert "HIDDEN" in at(notebook, "test-f").source
    assert b"HIDDEN" not in other.raw


@pytest.mark.parametrize(
    "marks",
    [
        {"points": 99},
        {"points": "3"},
        {"points": None},
        {"points": True},
        {"points": -1},
        {"points": float("nan")},
        {"points": [1]},
        {"grade": False},
        {"grade": 1},
        {"solution": True},
        {"task": True},
        {"locked": "yes"},
        {"schema_version": 1},
        {"schema_version": 4},
        {"schema_version": "3"},
        {"schema_version": 3.0},
        {"schema_version": None},
        {"cell_type": "markdown"},
        {"cell_type": 3},
        {"checksum": None},
        {"checksum": {"a": 1}},
        {"extra": 1},
        {"extra": None},
    ],
)
def test_any_other_marks_are_put_right(lesson, marks):
    def change(nb):
        for grade_id in ("check-clip_loss", "clip_loss", "explain_ceiling"):
            at(nb, grade_id)["metadata"]["nbgrader"] |= marks

    notebook, problems = lesson.restored(change)
    assert set(kinds(problems)) <= {"edited_cell"}
    assert bool(problems) == ("checksum" not in marks)  # of a checksum nobody need be told
    assert at(notebook, "check-clip_loss").metadata.nbgrader.points == 3


def test_marks_of_an_older_nbgrader_are_brought_up_to_date(lesson):
    def change(nb):
        for cell in nb["cells"]:
            marks = cell["metadata"].get("nbgrader", {})
            for key in ("schema_version", "task", "cell_type"):
                marks.pop(key, None)

    notebook, problems = lesson.restored(change)
    assert set(kinds(problems)) == {"edited_cell"}
    assert at(notebook, "clip_loss").metadata.nbgrader.schema_version == 3
    with pytest.raises(Exception, match="Outdated schema version"):
        lesson.sanitized(lesson.changed(change))


def test_a_check_cannot_be_tagged_so_as_not_to_run(lesson):
    """Nbgrader gives full marks to a check that was skipped."""

    def change(nb):
        at(nb, "check-clip_loss")["metadata"]["tags"] = ["experiment", "mine"]

    notebook, problems = lesson.restored(change)
    assert at(notebook, "check-clip_loss").metadata.tags == ["mine"]
    assert kinds(problems) == ["edited_cell"]
    assert at(lesson.sanitized(lesson.changed(change)), "check-clip_loss").metadata.tags == [
        "experiment",
        "mine",
    ]


def test_marks_of_cells_that_were_not_released_are_taken_off(lesson):
    marks = {"grade": True, "grade_id": "bonus", "locked": True, "points": 100, "schema_version": 3}

    def change(nb):
        nb["cells"][1]["metadata"]["nbgrader"] = marks | {"solution": False}
        nb["cells"][2]["metadata"]["nbgrader"] = {"grade_id": ["a"], "solution": True}
        nb["cells"][3]["metadata"]["nbgrader"] = {}
        nb["cells"][4]["metadata"]["nbgrader"] = {
            "grade": False,
            "solution": False,
            "locked": False,
            "grade_id": "x",
        }

    notebook, problems = lesson.restored(change)
    assert kinds(problems) == ["foreign_cell"]
    assert (
        problems[0].text
        == "Marked as released, but not released: cell 2 ('bonus'), 3. The marks were taken off."
    )
    assert len(notebook.cells) == len(json.loads(lesson.raw)["cells"])
    with pytest.raises(Exception, match="Notebook failed to validate"):
        lesson.sanitized(
            lesson.changed(lambda nb: nb["cells"][1]["metadata"].update(nbgrader=marks | {"solution": False}))
        )


@pytest.mark.parametrize("kind", ["markdown", "raw", "code", "no such", None, 3])
def test_the_type_of_a_released_cell_is_put_right(lesson, kind):
    def change(nb):
        for grade_id in ("check-clip_loss", "clip_loss", "explain_ceiling"):
            at(nb, grade_id)["cell_type"] = kind
            at(nb, grade_id)["attachments"] = {"x.png": {"image/png": "AA"}}
            at(nb, grade_id)["metadata"] |= {"collapsed": 3, "scrolled": "odd"}

    lesson.restored(change)


# The file itself.


@pytest.mark.parametrize(
    ("handed_in", "why"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not JSON"),
        (bytes(range(256)) * 50, "not JSON"),
        (b'{"cells": [', "not JSON"),
        (b"[]", "it is JSON, but not a notebook"),
        (b"3", "it is JSON, but not a notebook"),
        (b"{}", "no list of cells"),
        (b'{"cells": {}}', "no list of cells"),
        (b'{"cells": null, "worksheets": 3}', "no list of cells"),
        (b"[" * 500_000, "nested more than 100 levels"),
        (b'{"a":' * 500_000, "nested more than 100 levels"),
        (b"[" * 101 + b"]" * 101, "nested more than 100 levels"),
        (b'{"cells": [' + b"[" * 200_000 + b"]" * 200_000 + b"]}", "nested more than 100 levels"),
        (b"[[]," * 1_000_000, "the limit is 500,000"),
        (b"[],{}," * 125_001, "it has 500,004 brackets, and the limit is 500,000"),
        (b'"' + b'\\"' * 3_000_000, "not JSON"),
        (b'"\\' * 3_000_000, "not JSON"),
        (b" " * (20 << 20) + b"{}", "it has 20,971,522 bytes"),
        (b'{"cells": [' + b"1," * 49_999 + b"1]}", "it has 50,000 cells, and the limit is 5,000"),
        (b'{"a":' + b"1" * 5_000_000 + b"}", "no list of cells"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)}",
)
def test_what_is_no_notebook_is_told_in_one_sentence(lesson, handed_in, why):
    notebook, problems = restore(handed_in, lesson.spec)
    assert notebook is None
    assert kinds(problems) == ["unreadable"]
    assert problems[0].text.startswith("infonce.ipynb cannot be read: ")
    assert why in problems[0].text
    assert len(problems[0].text) < 200
    assert problems[0].notebook == "infonce"


def test_a_truncated_notebook_says_so(lesson):
    _, problems = restore(lesson.raw[: len(lesson.raw) // 2], lesson.spec)
    assert "cut off, or not a notebook" in problems[0].text


def test_nesting_up_to_the_limit_is_read(lesson):
    def change(nb):
        deep = "bottom"
        for _ in range(untrusted.MAX_DEPTH - 4):
            deep = [deep]
        nb["cells"][0]["metadata"]["deep"] = deep

    notebook, problems = lesson.restored(change)
    assert problems == []
    assert "bottom" in json.dumps(notebook.cells[0].metadata)


def test_brackets_in_text_are_not_nesting(lesson):
    def change(nb):
        nb["cells"][0]["source"] = "[{" * 10_000 + '\\"' * 100 + "\\\\"

    notebook, problems = lesson.restored(change)
    assert problems == []
    assert notebook.cells[0].source.endswith("\\\\")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_a_notebook_in_another_encoding_is_read(lesson, encoding):
    text = lesson.raw.decode()
    notebook, problems = restore(text.encode(encoding), lesson.spec)
    assert problems == []
    assert notebook == restore(lesson.raw, lesson.spec)[0]


def test_wrong_bytes_in_a_text_do_not_lose_the_notebook(lesson):
    raw = lesson.changed(lambda nb: nb["cells"][0].update(source="caf@"))
    notebook, problems = restore(raw.replace(b"caf@", b"caf\xe9"), lesson.spec)
    assert problems == []
    assert notebook.cells[0].source == "caf\ufffd"


def test_halves_of_surrogate_pairs_are_replaced_everywhere(lesson):
    def change(nb):
        at(nb, "clip_loss")["source"] = "x = '\ud800' + '\U0001f600'"
        nb["cells"][0]["metadata"]["\udfff"] = {"a": ["\ud800"]}
        nb["metadata"]["title"] = "\udc00"

    notebook, _ = lesson.restored(change)
    assert at(notebook, "clip_loss").source == "x = '\ufffd' + '\U0001f600'"


def test_tags_that_become_equal(lesson):
    notebook, problems = lesson.restored(
        lambda nb: nb["cells"][0]["metadata"].update(tags=["\ud800", "\ud801"], a=1)
    )
    assert notebook.cells[0].metadata == {"a": 1}
    assert kinds(problems) == ["edited_cell"]


def test_metadata_with_a_rule_of_its_own_are_taken_out(lesson, monkeypatch):
    """A rule of the format that nothing here knows costs metadata, never the notebook."""
    monkeypatch.setattr(parsing, "_valid", lambda notebook: "odd" not in notebook.metadata)
    notebook, problems = lesson.restored(lambda nb: nb["metadata"].update(odd=1))
    assert [*notebook.metadata] == ["kernelspec"]
    assert at(notebook, "check-clip_loss").metadata == {
        "nbgrader": marks_of(at_spec(lesson, "check-clip_loss"))
    }
    assert kinds(problems) == ["edited_cell"]


def at_spec(released, grade_id):
    return next(cell for cell in released.spec.cells if cell.grade_id == grade_id)


def test_numbers_that_json_does_not_know(lesson):
    raw = lesson.changed(lambda nb: nb["cells"][0]["metadata"].update(a="@1", b="@2", c="@3", d="@4"))
    for name, number in (("1", "NaN"), ("2", "-Infinity"), ("3", "1e999"), ("4", "9" * 6000)):
        raw = raw.replace(f'"@{name}"'.encode(), number.encode())
    notebook, _ = restore(raw, lesson.spec)
    lesson.check(notebook)
    assert notebook.cells[0].metadata == {"a": None, "b": None, "c": None, "d": None}
    raw = lesson.changed(lambda nb: nb["cells"][0]["metadata"].update(a=10**4000, b=-(10**25), c=2**60))
    notebook, _ = restore(raw, lesson.spec)
    lesson.check(notebook)
    assert notebook.cells[0].metadata == {"a": None, "b": None, "c": 2**60}


@pytest.mark.parametrize("minor", [0, 4, 5, 6, 99, "5", None, -1, [], 2.5])
@pytest.mark.parametrize("major", [4, 5, "4", None])
def test_cells_are_read_whatever_format_the_file_says_it_is(lesson, major, minor):
    notebook, _ = lesson.restored(lambda nb: nb.update(nbformat=major, nbformat_minor=minor))
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)


def test_nbformat_3_is_converted(lesson):
    def change(nb):
        cells = [
            {"cell_type": "heading", "level": 2, "metadata": {}, "source": ["Title"]},
            {
                "cell_type": "code",
                "input": ["a = 1\n", "b"],
                "language": "python",
                "metadata": {},
                "outputs": [],
            },
            {"cell_type": "html", "metadata": {}, "source": "<b>"},
            {"cell_type": "markdown", "metadata": {}, "source": "text"},
            3,
        ]
        marks = at(nb, "check-clip_loss")["metadata"]
        cells.append({"cell_type": "code", "input": "mine", "metadata": marks, "outputs": []})
        nb.update(nbformat=3, nbformat_minor=0, worksheets=[{"cells": cells}, 3, {"cells": 3}])
        del nb["cells"]

    notebook, _ = lesson.restored(change)
    assert [(cell.cell_type, cell.source) for cell in notebook.cells[:5]] == [
        ("markdown", "## Title"),
        ("code", "a = 1\nb"),
        ("markdown", "<b>"),
        ("markdown", "text"),
        ("raw", "3"),
    ]


def test_ids_are_mended_the_same_each_time(lesson):
    def change(nb):
        for cell in nb["cells"][::2]:
            cell["id"] = "same"
        nb["cells"][1]["id"] = "not allowed!"
        nb["cells"][3]["id"] = 7
        nb["cells"][5].pop("id")

    one, problems = lesson.restored(change)
    assert one == lesson.restored(change)[0]
    assert kinds(problems) == ["edited_cell"]
    assert "was not a valid notebook, and was put right" in problems[0].text
    assert len({cell.id for cell in one.cells}) == len(one.cells)


@pytest.mark.parametrize("value", [None, 3, "x", [], {}, [1], {"a": 1}, True, [None], "\ud800"])
@pytest.mark.parametrize(
    "key", ["metadata", "source", "cell_type", "id", "outputs", "attachments", "execution_count"]
)
def test_any_value_in_any_place_of_a_cell(lesson, key, value):
    lesson.restored(lambda nb: [cell.update({key: value}) for cell in nb["cells"]])
    lesson.restored(lambda nb: nb["cells"].insert(3, value))


@pytest.mark.parametrize("value", [None, 3, "", "x\ny", [], {}, ["a", "a"], ["a,b"], [""], {"a": 1}, True])
@pytest.mark.parametrize(
    "key", ["name", "tags", "jupyter", "format", "execution", "collapsed", "scrolled", "nbgrader", "trusted"]
)
def test_any_value_in_the_metadata_of_a_cell(lesson, key, value):
    lesson.restored(lambda nb: [cell["metadata"].update({key: value}) for cell in nb["cells"]])


@pytest.mark.parametrize(
    "value", [None, 3, "x", [], {}, {"name": 3}, {"name": "a", "display_name": None}, True]
)
@pytest.mark.parametrize(
    "key", ["kernelspec", "language_info", "title", "authors", "orig_nbformat", "signature"]
)
def test_any_value_in_the_metadata_of_a_notebook(lesson, key, value):
    lesson.restored(lambda nb: nb["metadata"].update({key: value}))
    lesson.restored(lambda nb: nb.update(metadata=value))


def test_many_copies_stay_few_sentences(lesson):
    _, problems = lesson.restored(lambda nb: nb.update(cells=nb["cells"] * 50))
    assert len(problems) <= 1 + len(lesson.spec.cells)
    assert all(len(problem.text) < 400 for problem in problems)


def test_a_release_without_the_name_of_a_kernel(lesson):
    spec = lesson.spec.model_copy(update={"kernelspec": {"name": "python3"}})
    notebook, _ = restore(lesson.raw, spec)
    lesson.check(notebook)
    assert notebook.metadata.kernelspec == {"name": "python3", "display_name": "python3"}
    spec = lesson.spec.model_copy(update={"kernelspec": {}})
    assert restore(lesson.raw, spec)[0].metadata.kernelspec.name == "python3"


# Whatever is done to it.

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
GRADE_IDS = st.sampled_from(["f", "test-f", "explain", "draw", "setup", "plot", "other", "", 3, None])


@st.composite
def damage(draw, notebook):
    """Change a notebook at random places."""
    for _ in range(draw(st.integers(1, 6))):
        cells = notebook.get("cells") if isinstance(notebook, dict) else None
        kind = draw(st.sampled_from(["value", "delete", "copy", "swap", "drop", "mark", "marks"]))
        if kind in ("value", "delete"):
            notebook = _at_a_random_place(draw, notebook, delete=kind == "delete")
        elif not (isinstance(cells, list) and cells):
            continue
        elif kind == "copy":
            cells.insert(draw(st.integers(0, len(cells))), copy.deepcopy(draw(st.sampled_from(cells))))
        elif kind == "swap":
            one, two = draw(st.integers(0, len(cells) - 1)), draw(st.integers(0, len(cells) - 1))
            cells[one], cells[two] = cells[two], cells[one]
        elif kind == "drop":
            cells.pop(draw(st.integers(0, len(cells) - 1)))
        else:
            cell = draw(st.sampled_from(cells))
            metadata = cell.get("metadata") if isinstance(cell, dict) else None
            if isinstance(metadata, dict):
                marks = metadata.get("nbgrader")
                if kind == "mark" and isinstance(marks, dict):
                    marks["grade_id"] = draw(GRADE_IDS)
                else:
                    metadata["nbgrader"] = draw(
                        st.fixed_dictionaries(
                            {},
                            optional={
                                "grade_id": GRADE_IDS,
                                "grade": st.booleans() | JSON,
                                "solution": st.booleans() | JSON,
                                "locked": st.booleans() | JSON,
                                "points": st.floats() | JSON,
                                "schema_version": st.integers(0, 4) | JSON,
                                "checksum": JSON,
                            },
                        )
                    )
    return notebook


def _at_a_random_place(draw, value, *, delete):
    """Replace or delete one value inside, at any depth."""
    if not isinstance(value, dict | list) or not value or (not delete and draw(st.integers(0, 30)) == 0):
        return draw(JSON)
    key = (
        draw(st.sampled_from(sorted(value)))
        if isinstance(value, dict)
        else draw(st.integers(0, len(value) - 1))
    )
    inner = value[key]
    if isinstance(inner, dict | list) and inner and draw(st.integers(0, 3)):
        value[key] = _at_a_random_place(draw, inner, delete=delete)
    elif delete:
        del value[key]
    else:
        value[key] = draw(JSON)
    return value


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_damage_raises_or_loses_a_graded_cell(other, data):
    raw = json.dumps(data.draw(damage(json.loads(other.raw)))).encode()
    notebook, problems = restore(raw, other.spec)
    assert (notebook is None) == ("unreadable" in kinds(problems))
    assert all(len(problem.text) < 1000 for problem in problems)
    if notebook is None:
        return
    other.check(notebook)
    assert set(comments(notebook)) >= {"plot", "explain", "draw"}
    again, _ = restore(nbformat.writes(notebook).encode(), other.spec)
    assert again == notebook


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_bytes_raise(other, data):
    raw = bytearray(other.raw)
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(raw)))
        raw[start : start + data.draw(st.integers(0, 50))] = data.draw(st.binary(max_size=10))
    notebook, problems = restore(bytes(raw), other.spec)
    assert (notebook is None) == ("unreadable" in kinds(problems))
    if notebook is not None:
        other.check(notebook)
