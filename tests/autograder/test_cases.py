"""Cases: seeded, typed, and nothing but arrays and JSON."""

import json

import numpy as np
import pytest
import torch

from autograder.cases import cases
from autograder.exercise import Exercise, case


def toy(make, **options):
    return Exercise(
        "toy.double",
        title="",
        minutes=1,
        reference=lambda x, **rest: 2 * x,
        cases=[case("a case", make, **options)],
        groups={"value": 1},
    )


def test_a_seed_gives_the_same_cases_and_another_seed_others(toys):
    def inputs(seed):
        return [one.inputs["x"].tolist() for one in cases.__wrapped__(toys["toy.weighted"], seed)]

    assert inputs(1) == inputs(1)
    assert inputs(1) != inputs(2)


def test_cases_of_one_seed_differ_from_each_other():
    exercise = toy(lambda rng: {"x": rng.normal(size=2)})
    exercise.cases = [*exercise.cases, *exercise.cases]
    one, other = cases(exercise, 0)
    assert not np.array_equal(one.inputs["x"], other.inputs["x"])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_floats_take_the_dtype_and_nothing_else_does(dtype):
    def make(rng):
        return {
            "x": rng.normal(size=3),
            "scale": np.float64(2.0),
            "codes": np.array([1, 2]),
            "size": np.int64(3),
        }

    (one,) = cases(toy(make), 0, dtype=dtype)
    assert [one.inputs[name].dtype for name in ("x", "scale", "codes", "size")] == [
        dtype,
        dtype,
        "int64",
        "int64",
    ]
    assert one.cotangents["value"].dtype == dtype


def test_inputs_are_as_another_process_would_receive_them():
    (one,) = cases(toy(lambda rng: {"x": np.ones(1), "shape": (2, 3), "names": {"a": [1, (2,)]}}), 0)
    assert one.inputs["shape"] == [2, 3]
    assert one.inputs["names"] == {"a": [1, [2]]}
    json.dumps(one.to_wire()[0])


def test_what_is_neither_array_nor_json_is_refused():
    with pytest.raises(TypeError, match="not JSON serializable"):
        cases(toy(lambda rng: {"x": torch.ones(1)}), 0)


def test_a_reference_that_fails_is_said_at_once():
    with pytest.raises(ValueError, match=r"reference of toy\.double fails on case 'a case'"):
        cases(toy(lambda rng: {"x": None}), 0)


def test_gradients_can_be_left_out_of_a_case():
    (one,) = cases(toy(lambda rng: {"x": np.ones(1)}, gradients=False), 0)
    assert one.cotangents == {}


def test_whole_numbers_have_no_cotangents():
    (one,) = cases(toy(lambda rng: {"x": np.array([1, 2])}), 0)
    assert one.cotangents == {}


def test_hidden_cases_are_marked():
    exercise = toy(lambda rng: {"x": rng.normal(size=1)})
    assert [one.hidden for one in (*cases(exercise, 0), *cases(exercise, 1, hidden=True))] == [False, True]
