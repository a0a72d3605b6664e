"""Write a test that tells right implementations of quantize from wrong ones."""

from collections.abc import Callable

import torch
from torch import Tensor

from autograder.exercise import Exercise, Group
from autograder.exercises.affine_quantization import quantize
from autograder.exercises.ingredients import accepts, catches
from autograder.observers import LearnerTestObserver
from course_lib import quantization

Quantize = Callable[[Tensor, float, int, int, int], Tensor]

_right = {"the reference": quantization.quantize, **quantize.asked.correct}
_known = quantize.asked.misconceptions
_plain = ("floors", "no_clamp", "multiplies", "zero_point_missing", "zero_point_subtracted", "narrow")
_subtle = ("clamp_after_cast", "truncates_first", "clamp_too_early")


def a_good_test(implementation: Quantize) -> None:
    """The reference: values whose codes can be worked out by hand, inside and outside, of both signs."""
    x = torch.tensor([-100.0, -0.9, -0.4, 0.0, 0.4, 0.9, 1.3, 60.0, 100.0])
    codes = implementation(x, 0.25, 2, -8, 7)
    assert codes.tolist() == [-8, -2, 0, 2, 4, 6, 7, 7, 7]
    codes = implementation(x, 0.25, -2, -128, 127)
    assert codes.tolist() == [-128, -6, -4, -2, 0, 2, 3, 127, 127]


asked = Exercise(
    "affine_quantization.test_quantize",
    title="Test the tests",
    minutes=12,
    skills=["testing", "rounding", "clipping"],
    reference=a_good_test,
    observer=LearnerTestObserver(),
    groups={
        "accepts": Group(0),
        "catches": Group(2, at_least=4, needs=("accepts",)),
        "subtle": Group(1, at_least=2, needs=("accepts",)),
    },
    cases=[
        *accepts(_right, "Does it use a value halfway between two codes, which may be rounded either way?"),
        *catches(quantize.asked, _plain),
        *catches(quantize.asked, _subtle, "subtle"),
    ],
    implementations=_right | {name: _known[name].on(quantization.quantize) for name in (*_plain, *_subtle)},
    hints=[
        "Choose a handful of values whose codes you can work out by hand, and write the codes down.",
        "Both signs, a zero point that is not 0, a step that is not 1, values inside, values far outside, and both 4 "
        "and 8 bits. Nothing exactly halfway between two codes.",
        "codes = implementation(torch.tensor([...]), 0.25, 2, -8, 7); assert codes.tolist() == [...]; and once more "
        "with -128, 127 and values of 60 and 100.",
    ],
    follow_up="Which of your values caught the mistake that only shows in 8 bits?",
)


@asked.misconception(
    "the test only calls the function",
    says="Nothing is asserted about the result, so everything passes.",
    asks="Which code do you know that 0 must get?",
)
def only_calls(implementation: Quantize) -> None:
    implementation(torch.linspace(-1, 1, 9), 0.1, 0, -8, 7)


@asked.misconception(
    "the test rejects everything",
    says="Right and wrong implementations fail it alike.",
    asks="Does your test pass on course_lib.quantization.quantize?",
)
def rejects_all(implementation: Quantize) -> None:
    raise AssertionError("no")


@asked.misconception(
    "a value halfway between two codes",
    says="Implementations may round a half up, away from zero or to even: all of them are right.",
    asks="Is one of your values a whole number of steps and a half?",
)
def halves(implementation: Quantize) -> None:
    x = torch.tensor([0.5, -0.5, 1.5, 2.5, -2.5, 3.5])
    assert torch.equal(implementation(x, 1.0, 0, -8, 7), quantization.quantize(x, 1.0, 0, -8, 7))


@asked.misconception(
    "only that the codes lie in the range",
    says="That qmin ≤ q ≤ qmax is true of most wrong implementations as well.",
    asks="Which codes lie in the range and are wrong all the same?",
)
def only_range(implementation: Quantize) -> None:
    codes = implementation(torch.linspace(-3, 3, 50), 0.1, 1, -8, 7)
    assert codes.min() >= -8
    assert codes.max() <= 7


@asked.misconception(
    "everything is symmetric and inside",
    says="With z = 0 and no value outside, neither a zero point nor a clip can be seen.",
    asks="What would a function do to your values that ignores zero_point, qmin and qmax?",
)
def too_tame(implementation: Quantize) -> None:
    x = torch.tensor([-0.62, -0.31, 0.02, 0.31, 0.62])
    assert implementation(x, 0.1, 0, -128, 127).tolist() == [-6, -3, 0, 3, 6]


@asked.also_correct("against the formula in float64")
def by_formula(implementation: Quantize) -> None:
    generator = torch.Generator().manual_seed(1)
    for qmin, qmax in ((-8, 7), (-128, 127)):
        codes = torch.randint(2 * qmin, 2 * qmax, (50,), generator=generator)
        offsets = 0.8 * torch.rand(50, generator=generator) - 0.4
        got = implementation(0.5 * (codes - 3 + offsets), 0.5, 3, qmin, qmax)
        assert torch.equal(got.long(), codes.clamp(qmin, qmax))


@asked.also_correct("half a step, zero, and both ends")
def by_laws(implementation: Quantize) -> None:
    x = torch.tensor([-500.0, -0.33, 0.0, 0.33, 500.0, 47.0])
    for qmin, qmax, zero_point in ((-8, 7, 1), (-128, 127, -7)):
        q = implementation(x, 0.25, zero_point, qmin, qmax).double()
        assert q[2] == zero_point
        assert q[0] == qmin
        assert q[4] == qmax
        assert q[5] == qmax
        assert abs(0.25 * (q[1] - zero_point) + 0.33) <= 0.125
        assert abs(0.25 * (q[3] - zero_point) - 0.33) <= 0.125
