"""Observing a function: outputs, gradients under cotangents, and changed arguments."""

import functools
import operator

import numpy as np
import pytest
import torch

from autograder.case import Case
from autograder.observers import FunctionObserver, observe

CASE = Case(
    "two vectors",
    {"x": np.array([1.0, 2.0]), "y": np.array([3.0, 4.0]), "power": 2, "names": ["a", "b"]},
    cotangents={"value": np.array([1.0, 10.0])},
)
TORCH = FunctionObserver(gradients_of=("x", "y"))
NUMPY = FunctionObserver(arrays="numpy")


def right(x, y, power, names):
    return x**power * y


def gradient(seen, name):
    return seen.arrays[f"gradient with respect to {name}"].tolist()


def test_outputs_and_gradients_under_the_cotangent():
    seen = observe(TORCH, right, CASE)
    assert seen.error is None
    assert seen.arrays["value"].tolist() == [3.0, 16.0]
    assert gradient(seen, "x") == [6.0, 160.0]  # cotangent · 2xy
    assert gradient(seen, "y") == [1.0, 40.0]


def test_an_input_that_is_not_used_has_gradient_zero():
    seen = observe(TORCH, lambda x, y, power, names: x.detach() * y, CASE)
    assert gradient(seen, "x") == [0.0, 0.0]
    assert gradient(seen, "y") == [1.0, 20.0]


@pytest.mark.parametrize("cut", [torch.Tensor.detach, lambda t: torch.tensor(t.tolist(), dtype=t.dtype)])
def test_a_detached_result_has_gradients_zero(cut):
    seen = observe(TORCH, lambda **case: cut(right(**case)), CASE)
    assert seen.error is None
    assert gradient(seen, "x") == gradient(seen, "y") == [0.0, 0.0]


def test_gradients_of_a_wrong_shape_are_those_of_nothing():
    seen = observe(TORCH, lambda x, y, power, names: (x * y).sum(), CASE)
    assert seen.arrays["value"].shape == ()
    assert gradient(seen, "x") == [0.0, 0.0]


def test_a_graph_that_the_answer_freed_is_its_error():
    def answer(x, y, power, names):
        z = x * y
        z.sum().backward()
        return z

    assert "second time" in observe(TORCH, answer, CASE).error["message"]


@pytest.mark.parametrize(
    "answer",
    [
        lambda x, y, power, names: x**power * y,
        functools.partial(right),
        type("Callable", (), {"__call__": lambda self, **case: right(**case)})(),
        torch.no_grad()(right),
        lambda x, y, power, names: operator.mul(x**power, y),
        lambda x, y, power, names: (x**power * y).unsqueeze(0).T.contiguous().T.squeeze(),
    ],
)
def test_every_kind_of_callable_is_run(answer):
    assert observe(TORCH, answer, CASE).arrays["value"].tolist() == [3.0, 16.0]


def test_a_builtin_function_is_run():
    case = Case("", {"input": np.array([1.0, 4.0])})
    assert observe(FunctionObserver(), torch.sqrt, case).arrays["value"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("observer", [TORCH, NUMPY])
def test_a_changed_argument_is_reported_and_the_case_keeps_its_value(observer):
    def answer(x, y, power, names):
        y *= 2
        return x * y

    assert observe(observer, answer, CASE).error == {"kind": "mutated", "argument": "y"}
    assert CASE.inputs["y"].tolist() == [3.0, 4.0]


def test_a_changed_list_is_reported_and_the_case_keeps_its_value():
    def answer(x, y, power, names):
        names.pop()
        return x

    assert observe(NUMPY, answer, CASE).error == {"kind": "mutated", "argument": "names"}
    assert CASE.inputs["names"] == ["a", "b"]


def test_nan_inputs_are_not_taken_for_changed():
    case = Case("", {"x": np.array([np.nan, 1.0])})
    assert observe(FunctionObserver(), lambda x: x, case).error is None


def test_several_outputs():
    pair = FunctionObserver(outputs=("sum", "product"), gradients_of=("x",))
    case = Case("", {"x": np.array([2.0, 3.0])}, cotangents={"sum": np.array(1.0), "product": np.array(10.0)})
    seen = observe(pair, lambda x: (x.sum(), x.prod()), case)
    assert seen.arrays["sum"] == 5
    assert gradient(seen, "x") == [31.0, 21.0]
    assert observe(pair, lambda x: [x.sum(), x.prod()], case).error is None
    for answer, got in [
        (lambda x: (x.sum(),), "1 value"),
        (lambda x: (x, x, x), "3 values"),
        (lambda x: x, "a Tensor"),
        (lambda x: None, "nothing (None)"),
    ]:
        assert observe(pair, answer, case).error == {"kind": "type", "got": got, "output": None}


def test_a_result_that_is_no_array_is_named():
    seen = observe(TORCH, lambda **case: ["text"], CASE)
    assert seen.error == {"kind": "type", "got": "a list", "output": "value"}


def test_a_class_in_place_of_a_function():
    class Answer:
        pass

    assert "takes no arguments" in observe(TORCH, Answer, CASE).error["message"]


def test_answers_with_a_memory_are_seen_as_they_are():
    memory = []

    def answer(x, y, power, names):
        memory.append(1)
        return x * len(memory)

    values = [observe(TORCH, answer, CASE).arrays["value"].tolist() for _ in range(2)]
    assert values == [[1.0, 2.0], [2.0, 4.0]]
