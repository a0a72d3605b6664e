"""What an exercise is: a reference, cases, points, and the mistakes that people really make."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from autograder.case import Case
from autograder.misconception import Function, Misconception
from autograder.observers import FunctionObserver, LearnerTestObserver, Observer
from autograder.observers.learner_test import Remote, answer_call


@dataclass(frozen=True)
class Group:
    """Points that are earned together.

    By default all checks of the group must pass. With `at_least`, that many suffice. With `needs`,
    the named groups must be complete as well (a test that rejects everything catches nothing).
    """

    points: float
    at_least: int | None = None
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class CaseSpec:
    """How a case is made from random numbers.

    Parameters
    ----------
    name : str
        What the learner reads after "With ...".
    make : callable
        ``rng -> inputs``, a mapping of names to arrays and JSON values.
    group : str or None
        The group that all checks of this case count for; None lets outputs count for the first
        group and gradients for the group called ``"gradient"``, if there is one.
    gradients : bool
        Whether gradients are observed. Not at points where correct formulas have different ones.
    complaint : str
        A whole sentence to say when the case fails, instead of comparing numbers.
    magnitude : float
        How large the numbers are that right answers compute with on the way, where these are far larger than
        the result and no input shows it: a saturated softmax of logits of 1000 cannot be had to better than
        1000 eps, however small its gradient is.
    private : mapping
        What only the judge may know of this case.
    """

    name: str
    make: Callable[[np.random.Generator], Mapping[str, Any]]
    group: str | None = None
    gradients: bool = True
    complaint: str = ""
    magnitude: float = 0.0
    private: Mapping[str, Any] = field(default_factory=dict)


def case(name: str, make: Callable[[np.random.Generator], Mapping[str, Any]], **options: Any) -> CaseSpec:
    """Describe a case: ``case("3 pairs", lambda rng: {...}, group="stability")``."""
    return CaseSpec(name, make, **options)


@dataclass(eq=False)
class Exercise:
    """One exercise, judged by running the answer beside a reference and known mistakes.

    Parameters
    ----------
    id : str
        ``"<topic>.<name>"``; the topic is the lesson's and the name becomes nbgrader's grade id.
    title : str
        The heading of its section in the lesson, which verdicts point to.
    minutes : int
        How long a learner is expected to need.
    reference : callable
        The right answer.
    cases : sequence of CaseSpec
        Small random inputs inside the documented domain: tiny first, then shape, then stability.
    groups : mapping of str to points or Group
        What can be earned; see `CaseSpec.group` for what counts where.
    arrays, outputs, gradients_of :
        See `FunctionObserver`, which is used unless `observer` is given.
    observer : Observer, optional
        How the answer is run, if it is not a plain function.
    write_yourself : sequence of str
        Further functions, beside the reference itself, that the answer may not delegate to.
    intermediates : mapping of str to callable
        The steps of the reference in order, each a function of the inputs, for pointing out the
        first one that an answer gets wrong.
    exact : bool
        Outputs are counts, choices or fractions of them: any float dtype will do, and nothing is allowed
        for ill-conditioning (a perturbation would break ties).
    hints : sequence of str
        The idea; shapes and a plan; almost the code.
    follow_up : str
        A question to think about after passing.
    skills : sequence of str
        What it trains, for the drills.
    stretch : bool
        Beyond the core: its points are a bonus.
    implementations : mapping of str to callable
        For a learner's test: what it is run on, by name.
    """

    id: str
    title: str
    minutes: int
    reference: Function
    cases: Sequence[CaseSpec]
    groups: Mapping[str, float | Group]
    arrays: str = "torch"
    outputs: Sequence[str] = ("value",)
    gradients_of: Sequence[str] = ()
    observer: Observer | None = None
    write_yourself: Sequence[str] = ()
    intermediates: Mapping[str, Function] = field(default_factory=dict)
    exact: bool = False
    hints: Sequence[str] = ()
    follow_up: str = ""
    skills: Sequence[str] = ()
    stretch: bool = False
    implementations: Mapping[str, Function] = field(default_factory=dict)
    misconceptions: dict[str, Misconception] = field(default_factory=dict, init=False)
    correct: dict[str, Function] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        observer = self.observer or FunctionObserver(
            self.arrays, tuple(self.outputs), tuple(self.gradients_of)
        )
        own = (*_calls_of(self.reference), *self.write_yourself)
        self.observer = replace(observer, watch=(*observer.watch, *own))
        self.groups = {
            name: group if isinstance(group, Group) else Group(group) for name, group in self.groups.items()
        }

    @cached_property
    def points(self) -> float:
        """What the exercise is worth."""
        return float(sum(group.points for group in self.grouped.values()))

    @property
    def grouped(self) -> Mapping[str, Group]:
        """The groups, each as a `Group`."""
        return self.groups  # type: ignore[return-value]  # made so in __post_init__

    @property
    def name(self) -> str:
        """The id without its topic; nbgrader allows no dots in grade ids."""
        return self.id.partition(".")[2]

    @property
    def any_number(self) -> bool:
        """Whether a single number may come as a tensor or a float: no gradient is taken through it."""
        return not getattr(self.runner, "gradients_of", ())

    @property
    def runner(self) -> Observer:
        """How an answer to this exercise is run."""
        assert self.observer is not None
        return self.observer

    def misconception(
        self, title: str, *, says: str, asks: str, source: str = "", same_as: str = ""
    ) -> Callable[[Function], Function]:
        """Declare the decorated function as a wrong answer that people write; see `Misconception`."""

        def declare(answer: Function) -> Function:
            name = answer.__name__
            if name in self.misconceptions:
                raise ValueError(f"{self.id} has two misconceptions called {name}")
            self.misconceptions[name] = Misconception(
                f"{self.id}:{name}", title, says, asks, answer, source, same_as
            )
            return answer

        return declare

    def also_correct(self, style: str) -> Callable[[Function], Function]:
        """Declare the decorated function as a right answer in another style."""

        def declare(answer: Function) -> Function:
            self.correct[style] = answer
            return answer

        return declare

    def remote(self, case: Case) -> Remote | None:
        """The judge's end of a learner's test: the implementation that the case's handle stands for."""
        if not isinstance(self.observer, LearnerTestObserver):
            return None

        def call(
            handle: str, arguments: list[Any], keywords: dict[str, Any], cotangent: np.ndarray | None
        ) -> list[np.ndarray]:
            implementation = self.implementations[case.private["implementation"]]
            return answer_call(implementation, arguments, keywords, cotangent)

        return call


def _calls_of(reference: Function) -> list[str]:
    """The names under which an observer sees calls of a reference: of a class, those of its methods."""
    if inspect.isclass(reference):
        methods = [name for name, member in vars(reference).items() if inspect.isfunction(member)]
        return [f"{reference.__module__}:{reference.__qualname__}.{name}" for name in methods]
    return [f"{reference.__module__}:{reference.__qualname__}"]
