"""Global settings: what came before a check does not change it, and what it does is undone."""

import random

import numpy as np
import pytest
import torch

from autograder.case import Case
from autograder.observers import FunctionObserver, observe

CASE = Case("2 numbers", {"x": np.array([1.0, 2.0])}, cotangents={"value": np.array([1.0, 1.0])})
OBSERVER = FunctionObserver(gradients_of=("x",))


def meddling(x):
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    torch.set_num_threads(2)
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)
    np.seterr(all="raise")
    return x


def state():
    return (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),
        random.getstate(),
        np.geterr(),
    )


def test_an_answer_runs_on_one_thread():
    def threads(x):
        return x * torch.get_num_threads()

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert observe(OBSERVER, threads, CASE).arrays["value"].tolist() == [1.0, 2.0]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_whatever_an_answer_sets_is_put_back():
    before = state()
    seen = observe(OBSERVER, meddling, CASE)
    assert state() == before
    assert seen.error is None


def test_gradients_are_taken_although_the_answer_switched_them_off():
    def answer(x):
        y = 3 * x
        torch.set_grad_enabled(False)
        return y

    seen = observe(OBSERVER, answer, CASE)
    assert np.array_equal(seen.arrays["gradient with respect to x"], [3.0, 3.0])


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_right_answer_is_right_in_every_mode_of_the_notebook(mode):
    with mode():
        seen = observe(OBSERVER, lambda x: 3 * x, CASE)
    assert np.array_equal(seen.arrays["gradient with respect to x"], [3.0, 3.0])


def test_the_default_dtype_of_the_notebook_does_not_matter():
    torch.set_default_dtype(torch.float64)
    try:
        seen = observe(FunctionObserver(), lambda x: torch.zeros(2), CASE)
    finally:
        torch.set_default_dtype(torch.float32)
    assert seen.dtypes["value"] == "float32"


def test_random_answers_are_the_same_each_time():
    def answer(x):
        return torch.rand(2) + np.random.rand() + random.random()

    one, other = (observe(FunctionObserver(), answer, CASE).arrays["value"] for _ in range(2))
    assert np.array_equal(one, other)


def test_the_tests_themselves_run_on_one_thread():
    assert torch.get_num_threads() == 1
