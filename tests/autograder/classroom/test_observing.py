"""Observations from a frame: believed as far as their form goes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import cases
from autograder.checking import observe_all
from autograder.classroom.frames import FrameError
from autograder.classroom.observing import ERRORS, observation, without_words
from autograder.exercises import load
from autograder.judge import judge
from autograder.observation import Observation

FIELDS = ("kinds", "dtypes", "error", "warnings", "printed", "calls")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


def right(exercise_id):
    exercise = load(exercise_id)
    return exercise, observe_all(exercise, exercise.runner, exercise.reference, cases(exercise))


def test_an_honest_observation_is_taken_as_it_is():
    _, (seen, *_) = right("infonce.clip_loss_grad")
    got = observation(*seen.to_wire())
    assert got.to_wire()[0] == seen.to_wire()[0]
    assert list(got.arrays) == list(seen.arrays)


@given(st.fixed_dictionaries(dict.fromkeys(FIELDS, values)) | values)
def test_anything_else_is_refused_or_harmless(header):
    try:
        got = observation(header, {"array/value": np.zeros(3), "intermediate/x": np.ones(2)})
    except FrameError:
        return
    assert isinstance(got, Observation)
    assert got.error is None or got.error["kind"] in ERRORS
    got.printed.encode()  # no half surrogate pairs, which no notebook could hold


@pytest.mark.parametrize(
    "changed",
    [
        {"kinds": {"value": "object"}},
        {"kinds": {}},
        {"dtypes": {"other": "float64"}},
        {"error": {"kind": "excellent"}},
        {"error": {"kind": "slow", "limit": float("nan")}},
        {"error": []},
        {"warnings": "many"},
        {"printed": None},
    ],
)
def test_a_lie_about_the_form_is_refused(changed):
    _, (seen, *_) = right("infonce.clip_loss")
    header, arrays = seen.to_wire()
    with pytest.raises(FrameError):
        observation(header | changed, arrays)


@pytest.mark.parametrize("kind", ERRORS)
def test_words_of_a_hidden_case_are_left_out(kind):
    secret = "given: [0.123]"
    full = {
        "kind": kind,
        "type": secret,
        "message": secret,
        "line": {"number": 1, "source": secret, "function": secret},
        "limit": 5.0,
        "got": secret,
        "output": secret,
        "argument": secret,
    }
    seen = observation(
        {"kinds": {}, "dtypes": {}, "error": full, "warnings": [secret], "printed": secret, "calls": []}, {}
    )
    silent = without_words(seen)
    assert secret in str(seen.to_wire())
    assert secret not in str(silent.to_wire())
    exercise, observations = right("infonce.clip_loss")
    verdict = judge(exercise, cases(exercise), [silent, *observations[1:]])  # and it can still be judged
    assert not verdict.passed
    assert secret not in verdict.text
