"""The scores in nbgrader's gradebook and export are those that the answers must get."""

from __future__ import annotations

import pytest

from autograder import examine
from course.classroom import register

pytestmark = pytest.mark.nbgrader

# One misconception each, and what it leaves of the exercise's points.
MISCONCEPTIONS = {
    "clip_loss__one_direction": 0,
    "clip_loss__sum": 0,
    "similarity_logits__divides": 0,
    "log_softmax_rows__softmax_then_log": 2,  # value and gradient, not stability
    "recall_at_k__optimistic": 1,  # the value, not the ties
}


@pytest.fixture(scope="module")
def crowd(clone, answers, written):
    """A larger class: each student differs from the right answers in one thing."""
    room = clone("crowd")
    right = room.answers()
    for name in MISCONCEPTIONS:
        room.submit(name, right | {name.partition("__")[0]: written(getattr(answers, name))})
    kinds = {
        "half": dict.fromkeys(list(right)[::2]),
        "warns": {"clip_loss": written(answers.clip_loss__warns)},
        "loops": {"grad_wrt_logits": written(answers.grad_wrt_logits__loops)},
        "stuck": {"grad_wrt_logits": answers.STUCK},
        "unreadable": {"normalize_grad": answers.UNREADABLE},
    }
    stubs = room.answers("notebooks")
    for student, changed in kinds.items():
        room.submit(student, right | {name: source or stubs[name] for name, source in changed.items()})
    room.submit(
        "helper", right | {"l2_normalize": written(answers.l2_normalize__helper)}, helper=answers.HELPER
    )
    room.submit("no_helper", right | {"l2_normalize": written(answers.l2_normalize__helper)})
    # What a cell may take is a matter of the machine; here a loop outside an answer is to end soon.
    room.nbgrader("autograde", room.lesson, "--Execute.timeout=15")
    return room


def checked(room) -> dict[str, float]:
    """What can be earned from checks."""
    return {name: points for name, points in room.possible().items() if not name.startswith("explain")}


def test_scores_of_a_class(graded):
    possible = checked(graded)
    assert graded.points("perfect") == possible
    assert graded.points("untouched") == dict.fromkeys(possible, 0.0)
    assert graded.points("mixed") == possible | {
        "similarity_logits": 0.0,
        "log_softmax_rows": 2.0,
        "grad_wrt_logits": 0.0,
        "normalize_grad": 0.0,
        "recall_at_k": 1.0,
        "clip_loss_grad": 0.0,
    }
    students = ("perfect", "untouched", "mixed", "memorised")
    assert graded.exported() == {student: sum(graded.points(student).values()) for student in students}


def test_points_given_by_a_person_join_the_export(graded):
    from nbgrader.api import Gradebook

    before = graded.exported()
    with Gradebook(f"sqlite:///{graded.root / 'classroom' / 'gradebook.db'}") as gradebook:
        waiting = {}
        for student in ("perfect", "untouched"):
            grades = gradebook.find_submission_notebook("infonce", graded.lesson, student).grades
            waiting[student] = [grade for grade in grades if grade.needs_manual_grade]
        assert {grade.name for grade in waiting["perfect"]} == graded.possible().keys() - checked(
            graded
        ).keys()
        assert waiting["untouched"] == []
        try:
            waiting["perfect"][0].manual_score = 1.5
            gradebook.db.commit()
            assert graded.exported() == before | {"perfect": before["perfect"] + 1.5}
        finally:
            waiting["perfect"][0].manual_score = None
            gradebook.db.commit()


def test_registering_again_keeps_scores(graded):
    before = graded.points("mixed")
    assert graded.lesson in register(graded.root)
    assert graded.points("mixed") == before


@pytest.mark.slow
@pytest.mark.parametrize("student", MISCONCEPTIONS)
def test_a_misconception_costs_what_it_spoils(crowd, answers, student):
    name = student.partition("__")[0]
    left = examine(f"infonce.{name}", getattr(answers, student)).credit
    assert left == MISCONCEPTIONS[student]
    assert crowd.points(student) == checked(crowd) | {name: left}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("student", "lost"),
    [
        ("warns", []),
        ("helper", []),
        ("no_helper", ["l2_normalize"]),
        ("loops", ["grad_wrt_logits"]),
        ("stuck", ["grad_wrt_logits"]),
        ("unreadable", ["normalize_grad"]),
    ],
)
def test_a_mishap_costs_its_own_exercise_only(crowd, student, lost):
    assert crowd.points(student) == checked(crowd) | dict.fromkeys(lost, 0.0)


@pytest.mark.slow
def test_half_of_the_answers_are_half_of_the_points(crowd):
    left_out = list(crowd.answers())[::2]
    assert crowd.points("half") == checked(crowd) | {
        name: 0.0 for name in left_out if not name.startswith("explain")
    }


@pytest.mark.slow
def test_export_of_a_larger_class(crowd):
    scores = crowd.exported()
    total = sum(checked(crowd).values())
    assert scores["warns"] == scores["helper"] == total
    assert scores["loops"] == scores["stuck"] == total - 3
    assert scores["clip_loss__one_direction"] == total - 3
    assert scores["log_softmax_rows__softmax_then_log"] == total - 1
    assert scores == {student: sum(crowd.points(student).values()) for student in scores}
