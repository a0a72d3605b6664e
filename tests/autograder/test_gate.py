"""The gate: every exercise of the course is proven by its own mistakes, and planted faults are found."""

from dataclasses import replace

import pytest

from autograder import exercises
from autograder.exercise import case
from autograder.exercises import load
from autograder.gate import prove
from autograder.observers import LearnerTestObserver


@pytest.mark.parametrize("exercise_id", exercises())
def test_every_exercise_is_proven(exercise_id):
    assert prove(load(exercise_id)) == []


TESTS = [id for id in exercises() if isinstance(load(id).runner, LearnerTestObserver)]


@pytest.mark.parametrize("exercise_id", TESTS)
def test_the_reference_test_knows_right_from_wrong(exercise_id):
    # `prove` compares tests with the reference test, so that one is held to the truth here.
    asked = load(exercise_id)
    accepting = {case.private["implementation"] for case in asked.cases if case.group == "accepts"}
    for name, implementation in asked.implementations.items():
        if name in accepting:
            asked.reference(implementation)
        else:
            with pytest.raises((AssertionError, RuntimeError)):
                asked.reference(implementation)


@pytest.mark.parametrize("kind", ["function", "class", "test"])
def test_the_toys_are_proven(make_toy, kind):
    assert prove(make_toy[kind]()) == []


def faults_of(exercise) -> str:
    return "\n".join(prove(exercise, seeds=(0,), dtypes=("float64",)))


def test_a_misconception_that_passes_is_a_fault(make_toy):
    exercise = make_toy["function"]()
    exercise.misconception("none at all", says="It is right after all.", asks="Is it?")(
        lambda x, weights: exercise.reference(x, weights) * 1
    )
    assert "passes" in faults_of(exercise)


def test_two_mistakes_with_one_fingerprint_are_a_fault(make_toy):
    exercise = make_toy["function"]()

    @exercise.misconception("thrice", says="It is three times too large.", asks="Why three?")
    def thrice(x, weights):
        return 3 * exercise.reference(x, weights)

    @exercise.misconception("two and one", says="You add it to its double.", asks="Why add?")
    def two_and_one(x, weights):
        return 2 * exercise.reference(x, weights) + exercise.reference(x, weights)

    assert "cannot be told from thrice" in faults_of(exercise)


def test_same_as_must_be_true(make_toy):
    exercise = make_toy["function"]()
    other = next(iter(exercise.misconceptions))

    @exercise.misconception("four times", says="Four times.", asks="Why?", same_as=f"{other}: so they say")
    def four_times(x, weights):
        return 4 * exercise.reference(x, weights)

    assert "its results differ" in faults_of(exercise)


def test_points_for_zeros_are_a_fault(make_toy):
    exercise = make_toy["function"](
        cases=[
            case("no weight", lambda rng: {"x": rng.normal(size=(2, 3)), "weights": 0 * rng.normal(size=2)})
        ],
        gradients_of=(),
        groups={"value": 1},
    )
    assert "zeros earns" in faults_of(exercise)


def test_a_false_alarm_is_a_fault(make_toy):
    exercise = make_toy["function"]()
    exercise.also_correct("off by a little")(lambda x, weights: exercise.reference(x, weights) + 1e-3)
    assert "is not accepted" in faults_of(exercise)


def test_an_exercise_without_hints_is_a_fault(make_toy):
    assert "hint" in faults_of(make_toy["function"](hints=()))


def test_a_case_that_breaks_the_reference_is_a_fault():
    exercise = load("infonce.l2_normalize")
    broken = replace(exercise, cases=[case("text", lambda rng: {"x": "no tensor", "eps": 1e-24})])
    assert "the reference of infonce.l2_normalize fails" in faults_of(broken)
