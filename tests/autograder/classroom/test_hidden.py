"""Hidden cases: for each student others, and fair to every right answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import cases, exercises, judge
from autograder.cases import run_right
from autograder.classroom import hidden
from autograder.classroom.secret import key as student_key
from autograder.exercises import load
from autograder.observers import LearnerTestObserver

names = st.text(max_size=20)
DRAWS = 6


@given(
    st.lists(
        st.tuples(st.binary(min_size=1, max_size=8), names, names, st.integers(0, 1)), max_size=8, unique=True
    )
)
def test_every_student_exercise_and_draw_has_a_seed_of_its_own(wanted):
    seeds = {hidden.seed(student_key(secret, student), name, draw) for secret, student, name, draw in wanted}
    assert len(seeds) == len(wanted)


@given(st.binary(min_size=1, max_size=8), names)
def test_the_secret_is_not_in_what_a_worker_gets(secret, student):
    key = student_key(secret, student)
    assert len(key) == 32
    assert secret not in key or len(secret) < 3
    assert student_key(secret, student) == key


@given(st.binary(max_size=32), names, st.lists(st.integers(), max_size=12))
def test_shuffling_keeps_every_item_with_its_place(key, exercise, items):
    shuffled = hidden.shuffled(key, exercise, items)
    assert sorted(shuffled) == list(enumerate(items))
    assert hidden.shuffled(key, exercise, items) == shuffled


def test_the_order_differs_from_student_to_student():
    orders = {
        tuple(place for place, _ in hidden.shuffled(student_key(b"s", str(n)), "a.test", range(7)))
        for n in range(50)
    }
    assert len(orders) > 40


@pytest.mark.slow
@pytest.mark.parametrize("exercise_id", exercises())
def test_no_right_answer_fails_for_a_student_of_bad_luck(exercise_id):
    """A seed for each student is many seeds: a tolerance that is a little too tight would hit somebody."""
    exercise = load(exercise_id)
    if isinstance(exercise.runner, LearnerTestObserver):
        return  # there is nothing random in what a test is given
    for student in range(DRAWS):
        seed = hidden.seed(student_key(b"a class", str(student)), exercise_id, 0)
        for style, answer in exercise.correct.items():
            asked = cases(exercise, seed, hidden=True)
            verdict = judge(exercise, asked, [run_right(exercise, answer, case) for case in asked])
            assert verdict.passed, f"{style}, seed {seed}: {verdict.text}"
