"""How much an answer holds: the peak of what it makes, gradients included, and not what it was given."""

import numpy as np
import pytest
import torch

from autograder.case import Case
from autograder.observation import ROOM
from autograder.observers import FunctionObserver, from_json, observe, to_json
from autograder.observers.room import Held


def held(compute) -> int:
    with Held() as counted:
        compute()
    return counted.most


X = torch.ones(100)


@pytest.mark.parametrize(
    ("compute", "numbers"),
    [
        (lambda: X + 1, 100),
        (lambda: (X + 1, X + 2), 200),
        (lambda: ((X + 1).sum(), (X + 2).sum()), 102),  # one after the other, beside their two sums
        (lambda: (X + 1).view(10, 10).T.reshape(-1)[:50], 200),  # views count once, the copy counts
        (lambda: X.view(10, 10)[2:], 0),
        (lambda: torch.zeros(7), 7),
        (lambda: X.sum(), 1),
        (lambda: torch.ones(50, dtype=torch.float64).float(), 100),
    ],
)
def test_the_peak_of_what_is_alive(compute, numbers):
    assert held(compute) == numbers


def test_what_was_given_does_not_count_and_freed_addresses_are_not_taken_for_it():
    def compute():
        for _ in range(50):
            constant = torch.tensor(1.0)  # made without an operation, so it looks like something given
            matrix = X * constant
            del constant, matrix
        return X * torch.tensor(2.0)

    assert held(compute) == 100


def test_autograd_keeps_what_its_backward_pass_needs():
    def steps(x):
        for _ in range(5):
            x = x.exp()
        return x.sum()

    assert held(lambda: steps(X)) == 200
    assert held(lambda: steps(X.clone().requires_grad_())) > 500
    assert held(lambda: torch.autograd.grad(steps(leaf := X.clone().requires_grad_()), leaf)) > 600


CASE = Case(
    "a row",
    {"x": np.ones(20), "room": 45},
    cotangents={"value": np.array(1.0)},
)
OBSERVER = FunctionObserver(gradients_of=("x",), room="room")


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (lambda x: x.sum(), 1),
        (lambda x: x.exp().log().sum(), 0),  # forward two rows, backward one more
        (lambda x: x.detach().clone().sum(), 1),
    ],
)
def test_the_limit_is_for_the_answer_and_its_gradients(answer, kept):
    seen = observe(OBSERVER, answer, CASE)
    assert seen.error is None
    assert int(seen.arrays[ROOM]) == kept


def test_the_limit_is_not_handed_to_the_answer_and_crosses_the_border():
    names = []
    observe(from_json(to_json(OBSERVER)), lambda **given: names.extend(given), CASE)
    assert names == ["x"]


def test_without_a_limit_nothing_is_observed():
    seen = observe(OBSERVER, lambda x: x.sum(), Case("a row", {"x": np.ones(3)}))
    assert ROOM not in seen.arrays
