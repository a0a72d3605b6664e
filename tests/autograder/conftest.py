"""Toy exercises, one of each kind, small enough to be understood at a glance and proven by the gate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from autograder import checking
from autograder.exercise import CaseSpec, Exercise, Group, case
from autograder.observers import LearnerTestObserver, StateObserver


def weighted(x: Any, weights: Any) -> Any:
    """The reference of the toy function: Σ_i w_i · log Σ_j exp x_ij."""
    return (weights * torch.logsumexp(x, dim=1)).sum()


class Average:
    """The reference of the toy class: a running average whose rate is exp(log_rate)."""

    def __init__(self, log_rate):
        self.log_rate = torch.tensor(log_rate, dtype=torch.float64, requires_grad=True)
        self.steps = 0
        self.value = None

    def update(self, x):
        self.steps += 1
        rate = self.log_rate.exp()
        self.value = x if self.value is None else self.value + rate * (x - self.value)
        return self.value


def good_test(implementation):
    """The reference of the toy test: a value worked out by hand, and a gradient."""
    x = torch.tensor([[0.0, 0.0], [1.0, 1.0]], dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([2.0, 1.0], dtype=torch.float64)
    got = implementation(x, weights=weights)
    assert torch.isclose(got, 3 * torch.log(torch.tensor(2.0, dtype=torch.float64)) + 1)
    (gradient,) = torch.autograd.grad(got, x, allow_unused=True)
    assert torch.allclose(gradient.sum(1), weights)


def _inputs(rows: int, columns: int, size: float) -> Callable:
    return lambda rng: {"x": size * rng.normal(size=(rows, columns)), "weights": rng.normal(size=rows)}


FUNCTION_CASES = [
    case("2 rows", _inputs(2, 3, 1.0)),
    case("4 rows", _inputs(4, 2, 2.0)),
    case("hot rows", _inputs(3, 4, 2000.0), group="stability"),
]


def make_function(**changes: Any) -> Exercise:
    """A proven exercise that asks for a function; keyword arguments change its declaration."""
    declaration = {
        "title": "A weighted log-sum-exp",
        "minutes": 5,
        "skills": ["softmax"],
        "reference": weighted,
        "outputs": ["total"],
        "gradients_of": ["x", "weights"],
        "groups": {"value": 1, "gradient": 1, "stability": 1},
        "cases": FUNCTION_CASES,
        "intermediates": {
            "row sums": lambda x, weights: torch.logsumexp(x, dim=1),
            "weighted rows": lambda x, weights: weights * torch.logsumexp(x, dim=1),
        },
        "hints": ["What is summed first?", "Rows, then weights.", "Multiply by the weights and sum."],
        "follow_up": "What do negative weights mean?",
    }
    toy = Exercise("toy.weighted", **(declaration | changes))

    def wrong(title: str) -> Callable:
        return toy.misconception(title, says=f"You did this: {title}.", asks=f"Is it right? ({title})")

    @wrong("mean over the rows")
    def mean(right, x, weights):
        return right(x, weights) / len(x)

    @wrong("sign lost")
    def negated(right, x, weights):
        return -right(x, weights)

    @wrong("weights ignored")
    def unweighted(x, weights):
        return torch.logsumexp(x, dim=1).sum()

    @wrong("x detached")
    def x_detached(x, weights):
        return (weights * torch.logsumexp(x.detach(), dim=1)).sum()

    @wrong("weights detached")
    def weights_detached(x, weights):
        return (weights.detach() * torch.logsumexp(x, dim=1)).sum()

    @wrong("no shift by the maximum")
    def unshifted(x, weights):
        return (weights * x.exp().sum(1).log()).sum()

    @toy.also_correct("a matrix product")
    def product(x, weights):
        return weights @ x.logsumexp(1)

    @toy.also_correct("a loop")
    def loop(x, weights):
        total = torch.zeros((), dtype=x.dtype)
        for row, weight in zip(x, weights, strict=True):
            top = row.max()
            total = total + weight * (top + (row - top).exp().sum().log())
        return total

    return toy


def make_class(**changes: Any) -> Exercise:
    """A proven exercise that asks for a class."""
    script = [
        ["new", {"log_rate": -1.0}],
        ["call", "update", {"x": "$first"}],
        ["call", "update", {"x": "$second"}],
        ["backward", ["log_rate"]],
        ["get", "steps"],
    ]
    declaration = {
        "title": "A running average",
        "minutes": 5,
        "skills": ["state"],
        "reference": Average,
        "observer": StateObserver(),
        "groups": {"value": 1, "gradient": 1},
        "cases": [
            case(
                f"updates of {n} numbers",
                lambda rng, n=n: {
                    "script": script,
                    "first": rng.normal(size=n),
                    "second": rng.normal(size=n),
                },
            )
            for n in (2, 3)
        ],
        "hints": ["What is kept?", "A value and a count.", "Move the value towards x."],
        "follow_up": "How long is its memory?",
    }
    toy = Exercise("toy.Average", **(declaration | changes))

    @toy.misconception("starts at zero", says="The first value is damped.", asks="What is the first average?")
    class FromZero(Average):
        def update(self, x):
            self.steps += 1
            self.value = self.log_rate.exp() * x + (1 - self.log_rate.exp()) * (
                0 if self.value is None else self.value
            )
            return self.value

    @toy.misconception(
        "counts from one", says="One step too many.", asks="How many steps were made at first?"
    )
    class FromOne(Average):
        def __init__(self, log_rate):
            super().__init__(log_rate)
            self.steps = 1

    @toy.also_correct("two products")
    class Products:
        def __init__(self, log_rate):
            self.log_rate = torch.nn.Parameter(torch.tensor(log_rate, dtype=torch.float64))
            self.steps, self.value = 0, None

        def update(self, x):
            rate = torch.exp(self.log_rate)
            self.value = x if self.steps == 0 else (1 - rate) * self.value + rate * x
            self.steps += 1
            return self.value

    @toy.also_correct("lerp")
    class Lerp:
        def __init__(self, log_rate):
            self.log_rate = torch.full((), log_rate, dtype=torch.float64).requires_grad_()
            self.seen = []

        @property
        def steps(self):
            return len(self.seen)

        def update(self, x):
            self.seen.append(x)
            average = self.seen[0]
            for later in self.seen[1:]:
                average = torch.lerp(average, later, self.log_rate.exp())
            return average

    return toy


def make_test(**changes: Any) -> Exercise:
    """A proven exercise that asks for a test."""
    function = make_function()
    right = {"the reference": weighted} | function.correct
    wrong = {name: function.misconceptions[name].on(weighted) for name in ("mean", "negated", "x_detached")}
    specs = [_implementation(name, "accepts") for name in right] + [
        _implementation(n, "catches") for n in wrong
    ]
    declaration = {
        "title": "Test it",
        "minutes": 5,
        "skills": ["testing"],
        "reference": good_test,
        "observer": LearnerTestObserver(),
        "groups": {"accepts": Group(0), "catches": Group(2, at_least=2, needs=("accepts",))},
        "cases": specs,
        "implementations": right | wrong,
        "hints": ["Which value do you know?", "Equal rows.", "Compare with log 2."],
        "follow_up": "What does it miss?",
    }
    toy = Exercise("toy.test_weighted", **(declaration | changes))

    @toy.misconception("asserts nothing", says="Everything passes.", asks="What do you know of the result?")
    def asserts_nothing(implementation):
        implementation(torch.ones(2, 2), torch.ones(2))

    @toy.also_correct("a symmetric one")
    def values(implementation):
        assert abs(implementation(torch.zeros(4, 2), torch.ones(4)) - 2.7725887) < 1e-5

    @toy.also_correct("two of three")
    def sign(implementation):
        x = torch.ones(2, 1, requires_grad=True)
        total = implementation(x, torch.ones(2))
        assert total > 0
        assert torch.autograd.grad(total, x, allow_unused=True)[0].sum() == 2

    return toy


def _implementation(name: str, group: str) -> CaseSpec:
    return case(
        f"an implementation ({name})",
        lambda rng: {"implementation": name},
        group=group,
        private={"implementation": name},
        complaint=f"Your test should have judged {name} otherwise.",
    )


@pytest.fixture
def toys(monkeypatch) -> dict[str, Exercise]:
    """The toys by id, found by `examine` and `check` as well."""
    found = {toy.id: toy for toy in (make_function(), make_class(), make_test())}
    monkeypatch.setattr(checking, "load", found.__getitem__)
    return found


@pytest.fixture
def make_toy() -> dict[str, Callable[..., Exercise]]:
    """How to make each toy; keyword arguments change its declaration."""
    return {"function": make_function, "class": make_class, "test": make_test}
