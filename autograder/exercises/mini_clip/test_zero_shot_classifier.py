"""Write a test that tells right prompt ensembles from wrong ones."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

from autograder.exercise import Exercise, Group
from autograder.exercises.ingredients import accepts, catches
from autograder.exercises.mini_clip import zero_shot_classifier
from autograder.observers import LearnerTestObserver
from course_lib import contrastive

Classifier = Callable[[Tensor], Tensor]

_right = {"the reference": contrastive.zero_shot_classifier, **zero_shot_classifier.asked.correct}
_known = zero_shot_classifier.asked.misconceptions
_plain = ("no_outer", "plain_mean", "first_prompt", "over_classes", "transposed", "outer_axis")
_subtle = ("no_inner", "mixed", "wrong_axis")  # unseen by unit prompts, by one class, by prompts that agree


def a_good_test(implementation: Classifier) -> None:
    """The reference: three axes of different sizes, long and short prompts, worked out one class at a time."""
    generator = torch.Generator().manual_seed(0)
    prompts = torch.randn(4, 3, 5, generator=generator, dtype=torch.float64)
    prompts = prompts * torch.tensor([0.2, 1.0, 5.0], dtype=torch.float64)[:, None]
    got = implementation(prompts)
    assert got.shape == (4, 5)
    for row, of_class in zip(got, prompts, strict=True):
        direction = sum(one / one.norm() for one in of_class)
        assert torch.allclose(row, direction / direction.norm())


asked = Exercise(
    "mini_clip.test_zero_shot_classifier",
    title="Test the tests",
    minutes=12,
    skills=["testing", "zero-shot"],
    reference=a_good_test,
    observer=LearnerTestObserver(),
    groups={
        "accepts": Group(0),
        "catches": Group(2, at_least=3, needs=("accepts",)),
        "subtle": Group(1, at_least=2, needs=("accepts",)),
    },
    cases=[
        *accepts(_right),
        *catches(zero_shot_classifier.asked, _plain),
        *catches(zero_shot_classifier.asked, _subtle, "subtle"),
    ],
    implementations=_right
    | {name: _known[name].on(contrastive.zero_shot_classifier) for name in (*_plain, *_subtle)},
    hints=[
        "For which prompts do you know the classifier without a computer? And which inputs would hide a mistake: equal "
        "sizes, unit lengths, one prompt?",
        "Facts: the shape is [C, D]; every row has length 1; making a prompt ten times as long changes nothing; the order "
        "of the prompts does not matter; changing class 1 leaves row 0 alone.",
        "prompts = torch.randn(4, 3, 5), one prompt of each class ten times as long; compare each row with the "
        "normalised sum of that class's unit prompts by torch.allclose.",
    ],
    follow_up="Which of your assertions would still pass with one prompt for each class?",
)


@asked.misconception(
    "the test only calls the function",
    says="Nothing is asserted about the result, so everything passes.",
    asks="What do you know about the classifier of any prompts?",
)
def only_calls(implementation: Classifier) -> None:
    implementation(torch.randn(3, 2, 4))


@asked.misconception(
    "the test rejects everything",
    says="Right and wrong implementations fail it alike.",
    asks="Does your test pass on course_lib.contrastive.zero_shot_classifier?",
)
def rejects_all(implementation: Classifier) -> None:
    raise AssertionError("no")


@asked.misconception(
    "floats are compared with ==",
    says="Correct implementations that round in another order are rejected.",
    asks="By how much may two correct float computations differ?",
)
def exact_equality(implementation: Classifier) -> None:
    prompts = torch.randn(40, 7, 11, generator=torch.Generator().manual_seed(3))
    assert torch.equal(implementation(prompts), contrastive.zero_shot_classifier(prompts))


@asked.misconception(
    "one prompt for each class",
    says="With one prompt there is nothing to average: whatever goes wrong in the averaging stays unseen.",
    asks="What is the mean of one vector?",
)
def one_prompt(implementation: Classifier) -> None:
    prompts = torch.randn(3, 1, 3, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(implementation(prompts), normalize(prompts[:, 0]), atol=1e-5)


@asked.misconception(
    "only the lengths are tested",
    says="That rows have length 1 is also true of classifiers that point in wrong directions.",
    asks="Which direction should a row have?",
)
def only_lengths(implementation: Classifier) -> None:
    got = implementation(torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0)))
    assert torch.allclose(got.norm(dim=1), torch.ones(len(got)), atol=1e-5)


@asked.misconception(
    "prompts of length 1",
    says="With unit prompts a missing first normalisation cannot be seen, and with equal sizes a wrong axis may not be.",
    asks="What must the lengths of your prompts be, if the function is to show that it normalises them?",
)
def unit_prompts(implementation: Classifier) -> None:
    prompts = normalize(torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(0)), dim=2)
    got = implementation(prompts)
    assert torch.allclose(got, normalize(prompts.mean(dim=1)), atol=1e-5)


@asked.also_correct("a case by hand, and invariances")
def invariances(implementation: Classifier) -> None:
    by_hand = torch.tensor([[[3.0, 0.0], [0.0, 4.0]], [[0.0, 1.0], [0.0, 2.0]], [[-5.0, 0.0], [-1.0, 0.0]]])
    wanted = torch.tensor([[0.5**0.5, 0.5**0.5], [0.0, 1.0], [-1.0, 0.0]])
    got = implementation(by_hand)
    assert got.shape == wanted.shape
    assert torch.allclose(got, wanted, atol=1e-5)
    prompts = torch.randn(3, 4, 6)
    before = implementation(prompts)
    assert torch.allclose(implementation(prompts.flip(1)), before, atol=1e-5)
    assert torch.allclose(implementation(prompts * (1 + 9 * torch.rand(3, 4, 1))), before, atol=1e-5)


@asked.also_correct("against the definition")
def against_definition(implementation: Classifier) -> None:
    prompts = torch.randn(5, 3, 4) * torch.tensor([0.1, 1.0, 4.0])[None, :, None]
    mean = (prompts / prompts.norm(dim=2, keepdim=True)).mean(dim=1)
    torch.testing.assert_close(
        implementation(prompts), mean / mean.norm(dim=1, keepdim=True), rtol=1e-4, atol=1e-5
    )
