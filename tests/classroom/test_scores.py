"""The scores in nbgrader's gradebook and export are those that the answers must get."""

from __future__ import annotations

import pytest

from autograder import examine
from course.classroom import register
from course.errors import CourseError

pytestmark = pytest.mark.nbgrader

# One misconception each, and what it leaves of the exercise's points.
MISCONCEPTIONS = {
    "clip_loss__one_direction": 0,
    "clip_loss__sum": 0,
    "similarity_logits__divides": 0,
    "log_softmax_rows__softmax_then_log": 2,  # value and gradient, not stability
    "recall_at_k__optimistic": 1,  # the value, not the ties
}


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
    before = graded.exported()
    with graded.gradebook() as gradebook:
        waiting = {}
        for student in ("perfect", "untouched"):
            grades = gradebook.find_submission_notebook("infonce", graded.lesson, student).grades
            waiting[student] = [grade for grade in grades if grade.needs_manual_grade]
        explained = graded.possible().keys() - checked(graded).keys()
        assert {grade.name for grade in waiting["perfect"]} == explained
        assert waiting["untouched"] == []
        try:
            waiting["perfect"][0].manual_score = 1.5
            gradebook.db.commit()
            assert graded.exported() == before | {"perfect": before["perfect"] + 1.5}
        finally:
            waiting["perfect"][0].manual_score = None
            gradebook.db.commit()


def test_registering_again_keeps_scores_and_due_dates(graded):
    before = graded.points("mixed")
    with graded.gradebook() as gradebook:
        gradebook.update_or_create_assignment(graded.lesson, duedate="2030-01-31 12:00")
    assert graded.lesson in register(graded.root)
    assert graded.points("mixed") == before
    with graded.gradebook() as gradebook:
        assert gradebook.find_assignment(graded.lesson).duedate.year == 2030


def test_a_graded_lesson_keeps_its_cells(graded):
    before = graded.points("mixed")
    source = graded.root / "solutions" / graded.lesson / "infonce.py"
    text = source.read_text(encoding="utf-8")
    start, end = (text.index(f'# %% {kind}="infonce.') for kind in ("solution", "check"))
    try:
        source.write_text(text[:start] + text[text.index("# %%", end + 1) :], encoding="utf-8")
        with pytest.raises(CourseError, match="finish that class with the release that it was given"):
            register(graded.root)
    finally:
        source.write_text(text, encoding="utf-8")
    assert graded.lesson in register(graded.root)
    assert graded.points("mixed") == before


@pytest.mark.slow
def test_one_deviation_costs_its_own_exercise_only(clone, answers, written):
    """A larger class, without hidden cases: each student differs from the right answers in one thing."""
    room = clone("crowd")
    right, stubs = room.answers(), room.answers("notebooks")
    for name in MISCONCEPTIONS:
        room.submit(name, right | {name.partition("__")[0]: written(getattr(answers, name))})
    half = list(right)[::2]
    helped = {"l2_normalize": written(answers.l2_normalize__helper)}
    room.submit("half", right | {name: stubs[name] for name in half})
    room.submit("helper", right | helped, helper=answers.HELPER)
    room.submit("no_helper", right | helped)
    room.submit("warns", right | {"clip_loss": written(answers.clip_loss__warns)})
    room.submit("loops", right | {"grad_wrt_logits": written(answers.grad_wrt_logits__loops)})
    room.submit("stuck", right | {"grad_wrt_logits": answers.STUCK})
    room.submit("unreadable", right | {"normalize_grad": answers.UNREADABLE})
    # What a cell may take is a matter of the machine; here a loop outside an answer is to end soon.
    room.nbgrader("autograde", room.lesson, "--Execute.timeout=15")

    possible = checked(room)
    left = {
        "half": {name: 0.0 for name in half if name in possible},
        "helper": {},
        "no_helper": {"l2_normalize": 0.0},
        "warns": {},
        "loops": {"grad_wrt_logits": 0.0},
        "stuck": {"grad_wrt_logits": 0.0},
        "unreadable": {"normalize_grad": 0.0},
    } | {student: {student.partition("__")[0]: points} for student, points in MISCONCEPTIONS.items()}
    wanted = {student: possible | changed for student, changed in left.items()}
    assert {student: room.points(student) for student in left} == wanted
    assert room.exported() == {student: sum(points.values()) for student, points in wanted.items()}


@pytest.mark.parametrize("kind", MISCONCEPTIONS)
def test_alone_and_in_class_an_answer_earns_the_same(answers, kind):
    verdict = examine(f"infonce.{kind.partition('__')[0]}", getattr(answers, kind))
    assert verdict.credit == MISCONCEPTIONS[kind]
    assert verdict.misconception
