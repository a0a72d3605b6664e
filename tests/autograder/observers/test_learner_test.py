"""Observing a learner's test: implementations that it calls from afar."""

import warnings

import numpy as np
import pytest
import torch

from autograder.case import Case
from autograder.observers import LearnerTestObserver, observe
from autograder.observers.learner_test import answer_call

CASE = Case("", {"implementation": "some handle"})


def product(x, y=2.0):
    return (x * y).sum()


def run(test, implementation=product, **options):
    def remote(handle, arguments, keywords, cotangent):
        assert handle == "some handle"
        return answer_call(implementation, arguments, keywords, cotangent)

    return observe(LearnerTestObserver(**options), test, CASE, remote)


def caught(test, implementation=product):
    seen = run(test, implementation)
    assert seen.error is None, seen.error
    return bool(seen.arrays["caught"])


def test_an_assertion_that_fails_catches():
    def test(implementation):
        assert implementation(torch.ones(3)) == 6

    assert not caught(test)
    assert caught(test, lambda x, y=2.0: x.sum())


def test_arguments_by_position_and_by_keyword_of_every_kind():
    def test(implementation):
        assert implementation(torch.ones(3), y=torch.tensor(3.0)) == 9
        assert implementation(x=torch.ones(3), y=4) == 12
        assert implementation(np.ones(3), 5.0) == 15

    assert not caught(test)


def test_gradients_go_through():
    def test(implementation):
        x, y = torch.ones(3, requires_grad=True), torch.tensor(3.0, requires_grad=True)
        (10 * implementation(x, y=y)).backward()
        assert x.grad.tolist() == [30.0] * 3
        assert y.grad == 30
        assert x.grad.dtype == torch.float32

    assert not caught(test)


def test_gradients_next_to_arrays_and_whole_numbers():
    def test(implementation):
        y = torch.tensor([3.0, 4.0], requires_grad=True)
        implementation(np.array([1.0, 2.0]), y=y).backward()
        assert y.grad.tolist() == [1.0, 2.0]
        y.grad = None
        implementation(torch.tensor([5, 6]), y=y).backward()
        assert y.grad.tolist() == [5.0, 6.0]

    assert not caught(test)


@pytest.mark.parametrize(
    "implementation", [lambda x, y: (x.detach() * y.detach()).sum(), lambda x, y: float((x * y).sum())]
)
def test_gradients_that_are_cut_off_are_zero(implementation):
    def test(implementation):
        x = torch.ones(3, requires_grad=True)
        implementation(x, torch.tensor(3.0)).backward()
        assert x.grad is None or not x.grad.any()

    assert not caught(test, implementation)


def test_anything_but_an_assertion_is_an_error_of_the_test():
    def test(implementation):
        implementation(torch.ones(2, 3), torch.ones(2))

    error = run(test).error
    assert (error["kind"], error["type"]) == ("raised", "RuntimeError")
    assert error["line"]["source"] == "implementation(torch.ones(2, 3), torch.ones(2))"


def test_what_the_implementation_does_aside_is_not_the_tests():
    def noisy(x, y=2.0):
        warnings.warn("ours", stacklevel=1)
        torch.rand(5)
        torch.set_grad_enabled(False)
        return product(x, y)

    drawn = []

    def test(implementation):
        x = torch.rand(3, requires_grad=True)
        implementation(x)
        drawn.append(torch.rand(3).tolist())

    seen = run(test, noisy, watch=(f"{__name__}:product",))
    run(test)
    assert seen.warnings == seen.calls == []
    assert drawn[0] == drawn[1]


def test_a_test_that_calls_what_it_is_to_replace_is_seen():
    assert run(lambda implementation: product(torch.ones(1)), watch=(f"{__name__}:product",)).calls


def test_it_needs_somebody_to_call():
    with pytest.raises(ValueError, match="with a remote to call"):
        observe(LearnerTestObserver(), print, CASE)
