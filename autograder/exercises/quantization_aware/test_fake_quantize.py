"""Write a test that tells right implementations of fake_quantize from wrong ones."""

from collections.abc import Callable

import torch
from torch import Tensor

from autograder.exercise import Exercise, Group
from autograder.exercises.ingredients import accepts, catches
from autograder.exercises.quantization_aware import fake_quantize
from autograder.observers import LearnerTestObserver
from course_lib import quantization

Fake = Callable[[Tensor, float, int, int, int], Tensor]

_right = {"the reference": quantization.fake_quantize, **fake_quantize.asked.correct}
_known = fake_quantize.asked.misconceptions
_plain = ("unmasked", "no_gradient", "times_scale", "turned_round", "codes_returned", "unclipped")
_subtle = ("strict", "upper_only", "mask_without_zero_point", "zero_point_kept")


def a_good_test(implementation: Fake) -> None:
    """The reference: six values whose codes and gradients can be written down."""
    x = torch.tensor([-9.0, -1.9, -1.3, 0.1, 0.9, 9.0], requires_grad=True)
    y = implementation(x, 0.5, -1, -4, 3)
    assert torch.allclose(y, torch.tensor([-1.5, -1.5, -1.5, 0.0, 1.0, 2.0]))
    x = torch.tensor([-9.0, -1.3, 0.1, 0.9, 1.9, 9.0], requires_grad=True)
    y = implementation(x, 0.5, -1, -4, 3)
    assert torch.allclose(y, torch.tensor([-1.5, -1.5, 0.0, 1.0, 2.0, 2.0]))
    cotangent = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    (gradient,) = torch.autograd.grad(y, x, cotangent)
    assert torch.allclose(gradient, torch.tensor([0.0, 2.0, 3.0, 4.0, 5.0, 0.0]))


asked = Exercise(
    "quantization_aware.test_fake_quantize",
    title="Test a gradient",
    minutes=12,
    skills=["testing", "straight-through estimator", "clipping"],
    reference=a_good_test,
    observer=LearnerTestObserver(),
    groups={
        "accepts": Group(0),
        "catches": Group(2, at_least=5, needs=("accepts",)),
        "subtle": Group(1, at_least=3, needs=("accepts",)),
    },
    cases=[
        *accepts(
            _right, "Is one of your values halfway between two codes, or less than half a step beyond an end?"
        ),
        *catches(fake_quantize.asked, _plain),
        *catches(fake_quantize.asked, _subtle, "subtle"),
    ],
    implementations=_right
    | {name: _known[name].on(quantization.fake_quantize) for name in (*_plain, *_subtle)},
    hints=[
        "Finite differences do not help: the true slope is 0. You know what the gradient should be; write it down.",
        "Values inside, at both outermost codes, and far beyond both ends; a zero point that is not 0 and a step that is "
        "not 1. Compare the values, then the gradient under an upstream gradient of different numbers.",
        "x = torch.tensor([...], requires_grad=True); y = implementation(x, 0.5, -1, -4, 3); assert the values; then "
        "torch.autograd.grad(y, x, upstream) and assert 0 outside and upstream inside.",
    ],
    follow_up="Which wrong implementation would pass torch.autograd.gradcheck, and which right one would fail it?",
)


@asked.misconception(
    "only the values are tested",
    says="Most of what can be wrong here is in the gradient, and you never ask for it.",
    asks="How do you get ∂y/∂x of a tensor that requires a gradient?",
)
def only_values(implementation: Fake) -> None:
    y = implementation(torch.tensor([-9.0, -1.3, 0.1, 0.9, 1.9, 9.0]), 0.5, -1, -4, 3)
    assert torch.allclose(y, torch.tensor([-1.5, -1.5, 0.0, 1.0, 2.0, 2.0]))


@asked.misconception(
    "only values inside the range",
    says="Inside, every estimator looks alike: a mask can only be seen from outside.",
    asks="What should the gradient of a clipped value be?",
)
def only_inside(implementation: Fake) -> None:
    x = torch.tensor([-0.6, -0.1, 0.4, 0.6], requires_grad=True)
    y = implementation(x, 0.5, 0, -4, 3)
    assert torch.allclose(y, torch.tensor([-0.5, 0.0, 0.5, 0.5]))
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.allclose(gradient, torch.ones(4))


@asked.misconception(
    "finite differences",
    says="You compare with the true slope of a staircase. It is 0, and right implementations say 1.",
    asks="Why is an estimator needed at all?",
)
def finite_differences(implementation: Fake) -> None:
    x = torch.tensor([-9.0, -1.3, 0.1, 0.9, 9.0], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(implementation(x, 0.5, 0, -4, 3).sum(), x)
    moved = implementation(x.detach() + 1e-4, 0.5, 0, -4, 3) - implementation(x.detach(), 0.5, 0, -4, 3)
    assert torch.allclose(gradient, moved / 1e-4)


@asked.misconception(
    "a value less than half a step beyond the end",
    says="Some right implementations call it rounded, and others clipped: both conventions are in use.",
    asks="Do your values keep clear of the last half step?",
)
def at_the_border(implementation: Fake) -> None:
    x = torch.tensor([1.7, 9.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(implementation(x, 0.5, 0, -4, 3).sum(), x)
    assert gradient.tolist() == [1.0, 0.0]


@asked.misconception(
    "the test rejects everything",
    says="Right and wrong implementations fail it alike.",
    asks="Does your test pass on course_lib.quantization.fake_quantize?",
)
def rejects_all(implementation: Fake) -> None:
    raise AssertionError("no")


@asked.misconception(
    "z = 0, and only one end",
    says="A forgotten zero point, or a lower end without a mask, cannot show in your values.",
    asks="What differs between the two ends once z is not 0?",
)
def one_end(implementation: Fake) -> None:
    x = torch.tensor([-0.6, 0.4, 9.0], requires_grad=True)
    y = implementation(x, 0.5, 0, -4, 3)
    assert torch.allclose(y, torch.tensor([-0.5, 0.5, 1.5]))
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.allclose(gradient, torch.tensor([1.0, 1.0, 0.0]))


@asked.also_correct("against torch's own, with an upstream gradient")
def against_torch(implementation: Fake) -> None:
    places = torch.tensor([-20.3, -7.3, -6.2, -3.9, 0.2, 2.8, 3.9, 14.7])
    for zero_point in (0, 2, -3):
        pair = []
        for function in (implementation, torch.fake_quantize_per_tensor_affine):
            x = (0.4 * (places - zero_point)).clone().requires_grad_()
            y = function(x, 0.4, zero_point, -8, 7)
            (gradient,) = torch.autograd.grad(y, x, torch.arange(1.0, 9.0))
            pair.append((y.detach(), gradient))
        assert torch.allclose(pair[0][0], pair[1][0], atol=1e-5)
        assert torch.allclose(pair[0][1], pair[1][1])


@asked.also_correct("by laws: inside it follows, outside it does not")
def by_laws(implementation: Fake) -> None:
    codes = torch.arange(-4.0, 4.0, dtype=torch.float64)
    inner = codes + torch.tensor([0.2, -0.2] * 4)
    for zero_point in (-2, 3):
        x = torch.cat([torch.tensor([-50.0, 50.0]), 0.25 * (inner - zero_point)]).requires_grad_()
        y = implementation(x, 0.25, zero_point, -4, 3)
        assert torch.allclose(y[2:], 0.25 * (codes - zero_point))
        assert torch.allclose(y[:2], 0.25 * (torch.tensor([-4.0, 3.0]) - zero_point).double())
        (gradient,) = torch.autograd.grad((y * torch.arange(10.0)).sum(), x)
        assert torch.allclose(gradient, torch.cat([torch.zeros(2), torch.arange(2.0, 10.0)]).double())
