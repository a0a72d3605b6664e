"""Observers, cases and observations in the form in which they cross a process border."""

import json

import numpy as np
import pytest

from autograder.case import Case
from autograder.observation import Observation
from autograder.observers import (
    FunctionObserver,
    LearnerTestObserver,
    StateObserver,
    from_json,
    to_json,
    trusting,
)

OBSERVERS = [
    FunctionObserver("numpy", ("a", "b"), ("x",), ("m:f",), 2.0),
    StateObserver(("m:C.f",), None),
    LearnerTestObserver(),
]


@pytest.mark.parametrize("observer", OBSERVERS)
def test_an_observer_survives_json(observer):
    assert from_json(json.loads(json.dumps(to_json(observer)))) == observer


@pytest.mark.parametrize("observer", OBSERVERS)
def test_code_of_ours_has_no_limit_and_may_call_anything(observer):
    ours = trusting(observer)
    assert (ours.seconds, ours.watch) == (None, ())
    assert type(ours) is type(observer)


def test_a_case_travels_without_what_is_private():
    case = Case(
        "3 pairs",
        {"b": np.ones((2, 1)), "a": 2, "script": [["new", {}]]},
        {"value": np.array(1.5)},
        "stability",
        {"implementation": "wrong"},
        hidden=True,
    )
    header, arrays = case.to_wire()
    sent = json.dumps(header)
    for secret in ("3 pairs", "stability", "wrong", "hidden"):
        assert secret not in sent
    back = Case.from_wire(json.loads(sent), arrays)
    assert list(back.inputs) == ["b", "a", "script"]
    assert back.inputs["script"] == [["new", {}]]
    assert np.array_equal(back.inputs["b"], case.inputs["b"])
    assert back.cotangents == {"value": 1.5}
    assert (back.name, back.group, dict(back.private), back.hidden) == ("", None, {}, False)


def test_an_observation_survives():
    seen = Observation(
        {"value": np.array([np.nan, 1.0])},
        {"value": "torch"},
        {"value": "float64"},
        {"local/name": np.ones(1)},
        {"kind": "raised", "line": None},
        ["UserWarning: w"],
        "out",
        ["m:f"],
    )
    header, arrays = seen.to_wire()
    back = Observation.from_wire(json.loads(json.dumps(header)), arrays)
    assert np.array_equal(back.arrays["value"], seen.arrays["value"], equal_nan=True)
    assert back.intermediates == {"local/name": 1.0}
    for name in ("kinds", "dtypes", "error", "warnings", "printed", "calls"):
        assert getattr(back, name) == getattr(seen, name)
