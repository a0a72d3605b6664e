"""Observing a class: a script played on one instance."""

import numpy as np
import pytest
import torch

from autograder.case import Case
from autograder.observers import StateObserver, observe

SCRIPT = [
    ["new", {"start": 2.0}],
    ["call", "times", {"x": "$x"}],
    ["backward", ["factor"]],
    ["call", "forget"],
    ["get", "calls"],
]


class Multiplier:
    def __init__(self, start):
        self.factor = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        self.calls = 0

    def times(self, x):
        self.calls += 1
        return self.factor * x

    def forget(self):
        self.calls = 0


def play(answer, script=SCRIPT, dtype="float32", **cotangents):
    return observe(
        StateObserver(dtype=dtype),
        answer,
        Case("", {"script": script, "x": np.array([1.0, 3.0])}, cotangents),
    )


def test_every_result_is_named_by_its_step():
    seen = play(Multiplier, **{"2 times": np.array([1.0, 10.0])})
    assert seen.error is None
    assert {name: array.tolist() for name, array in seen.arrays.items()} == {
        "2 times": [2.0, 6.0],
        "gradient with respect to 3 factor": 31.0,
        "5 calls": 0,
    }


def test_without_a_cotangent_the_sum_is_differentiated():
    assert play(Multiplier).arrays["gradient with respect to 3 factor"] == 4.0


@pytest.mark.parametrize(
    "cut", [lambda self, x: self.factor.detach() * x, lambda self, x: self.factor.item() * x]
)
def test_a_gradient_that_is_cut_off_is_zero(cut):
    assert play(type("Cut", (Multiplier,), {"times": cut})).arrays["gradient with respect to 3 factor"] == 0.0


def test_a_parameter_that_is_no_tensor():
    class Plain(Multiplier):
        def __init__(self, start):
            self.factor, self.calls = start, 0

    assert play(Plain).error == {"kind": "type", "got": "a float", "output": "factor"}


def test_a_method_that_is_missing():
    assert (
        "has no attribute 'times'"
        in play(type("Empty", (), {"__init__": lambda self, start: None})).error["message"]
    )


def test_a_stub_method_is_unattempted():
    def stub(self, x):
        raise NotImplementedError

    assert play(type("Stub", (Multiplier,), {"times": stub})).error["kind"] == "unattempted"


def test_each_run_has_an_instance_of_its_own_and_a_script_of_its_own():
    def times(self, x):
        x.zero_()
        return x

    greedy = type("Greedy", (Multiplier,), {"times": times})
    script = [["new", {"start": 1.0}], ["call", "times", {"x": "$x"}]]
    case = Case("", {"script": script, "x": np.ones(2)})
    for _ in range(2):
        assert observe(StateObserver(), greedy, case).arrays["2 times"].tolist() == [0.0, 0.0]
    assert case.inputs["x"].tolist() == [1.0, 1.0]


DOUBLE = [["new", {}], ["get", "factor"], ["call", "double_"], ["get", "factor"], ["same", "factor"]]


class TestParameters:
    class Doubler:
        def __init__(self):
            self.factor = torch.nn.Parameter(torch.ones(()))

        def double_(self):
            with torch.no_grad():
                self.factor.mul_(2)

    class Replacing(Doubler):
        def double_(self):
            self.factor = torch.nn.Parameter(2 * self.factor.detach())

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_a_class_makes_its_parameters_in_the_observers_dtype(self, dtype):
        before = torch.get_default_dtype()
        assert play(self.Doubler, DOUBLE, dtype).dtypes["2 factor"] == dtype
        assert torch.get_default_dtype() == before

    @pytest.mark.parametrize(("answer", "same"), [(Doubler, True), (Replacing, False)])
    def test_a_parameter_that_is_replaced_is_not_the_same(self, answer, same):
        script = [*DOUBLE[:3], ["same", "factor"]]
        seen = play(answer, script)
        assert seen.arrays["4 factor is the same object"].item() is same
        again = play(answer, DOUBLE)  # the last `get` counts
        assert again.arrays["5 factor is the same object"].item() is True
        assert again.arrays["4 factor"] == 2


def test_an_unknown_step_is_the_authors_mistake():
    assert "unknown step 'dance'" in play(Multiplier, [["dance"]]).error["message"]


SEVERAL = [["new", {"start": 2.0}], ["call", "both", {"x": "$x"}, ["sum", "product"]]]


def test_several_results_of_a_method_are_named():
    class Both(Multiplier):
        def both(self, x):
            return self.factor + x, self.factor * x

    seen = play(Both, SEVERAL)
    assert {name: array.tolist() for name, array in seen.arrays.items()} == {
        "2 sum": [3.0, 5.0],
        "2 product": [2.0, 6.0],
    }


@pytest.mark.parametrize(
    ("returned", "said"), [((1.0,), "1 value"), ((1.0, 2.0, 3.0), "3 values"), (None, "nothing (None)")]
)
def test_another_number_of_results_is_told(returned, said):
    answer = type("Wrong", (Multiplier,), {"both": lambda self, x: returned})
    seen = play(answer, SEVERAL)
    assert said in str(seen.error)
    assert "2 both" in str(seen.error)
