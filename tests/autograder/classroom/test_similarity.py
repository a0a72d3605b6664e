"""Alike is compared with what is usual: copies stand out, and forced answers do not."""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import class_of
import rooms

from autograder.classroom.assignment import Assignment, CellSpec, NotebookSpec
from autograder.classroom.similarity import read_answers, similar_pairs, tokens

STUB = 'def f(x, y):\n    """Do it."""\n    raise NotImplementedError()'
LINES = """z = torch.exp(x)|z = x.exp()|s = z.sum(dim=1, keepdim=True)|s = torch.sum(z, 1)|out = z / s
q = x @ y.T|q = torch.einsum('id,jd->ij', x, y)|r = q.diagonal()|r = torch.diag(q)|for i in range(len(x)): acc += x[i]
m = x.max(dim=1).values|z = z - m[:, None]|out = -r.log()|w = (x * x).sum(1).sqrt()|x = x / w.clamp_min(1e-8)"""
WAYS = LINES.replace("\n", "|").split("|")


def release(*names: str) -> Assignment:
    more = {"checksum": "", "locked": False, "grade": False, "solution": True}
    cells = tuple(CellSpec(grade_id=name, cell_type="code", source=STUB, **more) for name in names)
    return Assignment(name="a", notebooks=(NotebookSpec(name="n", cells=cells),))


def written(lines: list[str]) -> str:
    return "\n    ".join([STUB.rsplit("\n", 1)[0], *lines, "return out"])


def answers(count: int, seed: int = 0) -> dict[str, str]:
    dice = random.Random(seed)
    return {f"s{number:03}": written(dice.sample(WAYS, 10)) for number in range(count)}


def test_a_copy_with_other_names_comments_and_layout_is_listed_first():
    own = answers(30)
    copied = own["s011"].replace("out", "result").replace("z", "weights").replace(" / ", "/")
    own["s004"] = copied.replace("\n    return", "\n\n    # now it is done\n    return")
    pairs = similar_pairs({("n", "one"): own}, release("one"))
    assert (pairs[0].left, pairs[0].right) == ("s004", "s011")
    (place,) = pairs[0].places
    assert place.likeness == 1.0
    assert place.usual < 0.7
    assert (place.left, place.right) == (own["s004"], own["s011"])


def test_where_all_must_write_the_same_nobody_is_listed():
    same = written(
        ["a = x / x.norm(dim=1, keepdim=True)", "b = y / y.norm(dim=1, keepdim=True)", "out = a @ b.T"]
    )
    everybody = {f"s{number:03}": same for number in range(30)}
    assert not similar_pairs({("n", "one"): everybody}, release("one"))


def test_short_answers_and_small_classes_tell_nothing():
    short = {f"s{number:03}": written([f"out = x + {number}"]) for number in range(30)} | {"a": "x", "b": "x"}
    assert not similar_pairs({("n", "one"): short}, release("one"))
    few = answers(6)
    few["s000"] = few["s001"]
    assert not similar_pairs({("n", "one"): few}, release("one"))


def test_untouched_answers_are_not_alike():
    own = answers(20) | {f"untouched{number}": STUB for number in range(5)}
    assert not any(
        "untouched" in pair.left + pair.right for pair in similar_pairs({("n", "one"): own}, release("one"))
    )


def test_several_exercises_add_up():
    names = ("one", "two", "three")
    given = {("n", name): answers(30, seed) for seed, name in enumerate(names)}
    for name in names:
        given["n", name]["s005"] = given["n", name]["s020"]
    given["n", "one"]["s001"] = given["n", "one"]["s002"]
    pairs = similar_pairs(given, release(*names))
    assert [(pair.left, pair.right, len(pair.places)) for pair in pairs[:2]] == [
        ("s005", "s020", 3),
        ("s001", "s002", 1),
    ]


def test_tokens_are_what_a_student_wrote():
    source = STUB.replace(
        "raise NotImplementedError()", "total = x.sum()  # a comment\n    return total * 2.5"
    )
    assert tokens(source, STUB) == [
        *("name", "=", "x", ".", "sum", "(", ")"),
        *("return", "name", "*", "2.5"),
    ]
    assert tokens("Why? Because of *N*.", "Why?", "markdown") == ["why", "because", "of", "n"]
    assert tokens(STUB, STUB) == []


@pytest.mark.parametrize("source", ["def f(:\n  '''", '"' * 5001, "\x00\ud800", "(" * 10_000, "a" * 10**6])
def test_any_text_has_tokens(source):
    assert len(tokens(source, STUB)) <= 4000


def test_300_students_take_seconds():
    names = [f"e{number}" for number in range(13)]
    given = {("n", name): answers(300, seed) for seed, name in enumerate(names)}
    started = time.perf_counter()
    similar_pairs(given, release(*names))
    assert time.perf_counter() - started < 60


def test_answers_are_read_from_solution_cells(tmp_path):
    released = class_of.assignment(["clip_loss"])
    folder = tmp_path / "ada" / "01_infonce"
    folder.mkdir(parents=True)
    notebook = rooms.graded()
    notebook.cells[0].metadata.nbgrader.grade_id = "clip_loss"
    (folder / "infonce.ipynb").write_text(json.dumps(notebook))
    for student, text in {
        "bob": "[",
        "eve": '{"cells": [3]}',
        "dan": '{"cells": [{"metadata": null}]}',
    }.items():
        (tmp_path / student / "01_infonce").mkdir(parents=True)
        (tmp_path / student / "01_infonce" / "infonce.ipynb").write_text(text)
    found = read_answers(tmp_path, released, ["ada", "bob", "eve", "dan", "missing"])
    assert found == {("infonce", "clip_loss"): {"ada": "def one():\n    return 1"}}
