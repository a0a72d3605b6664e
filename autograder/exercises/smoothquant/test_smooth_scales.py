"""Write a test that tells right implementations of smooth_scales from wrong ones."""

from collections.abc import Callable

import torch
from torch import Tensor

from autograder.exercise import Exercise, Group
from autograder.exercises.ingredients import accepts, catches
from autograder.exercises.smoothquant import smooth_scales
from autograder.observers import LearnerTestObserver
from course_lib import quantization

Scales = Callable[[Tensor, Tensor, float], Tensor]

_right = {"the reference": quantization.smooth_scales, **smooth_scales.asked.correct}
_known = smooth_scales.asked.misconceptions
_plain = ("alpha_swapped", "wrong_axis", "whole_weight", "reciprocal", "product", "without_weights")
_subtle = ("signed", "scale_unbounded", "weight_unbounded")


def a_good_test(implementation: Scales) -> None:
    """The reference: a square weight whose scales can be worked out by hand, and two dead channels."""
    weight = torch.tensor([[0.5, -1.0, 0.25], [0.0, 0.5, -4.0], [0.25, 0.0, 1.0]])
    torch.testing.assert_close(
        implementation(torch.tensor([8.0, 9.0, 4.0]), weight, 0.5), torch.tensor([4.0, 3.0, 1.0])
    )
    torch.testing.assert_close(
        implementation(torch.tensor([8.0, 9.0, 4.0]), weight, 1.0), torch.tensor([8.0, 9.0, 4.0])
    )
    dead = implementation(torch.tensor([0.0, 4.0, 4.0]), torch.tensor([[1.0, 0.0, 1.0]]), 0.5)
    assert dead.isfinite().all()
    assert (dead > 0).all()


asked = Exercise(
    "smoothquant.test_smooth_scales",
    title="Test the tests",
    minutes=10,
    skills=["testing", "migration"],
    reference=a_good_test,
    observer=LearnerTestObserver(),
    groups={
        "accepts": Group(0),
        "catches": Group(2, at_least=4, needs=("accepts",)),
        "subtle": Group(1, at_least=2, needs=("accepts",)),
    },
    cases=[
        *accepts(_right, "Does it compare floats with ==, or expect one lower bound for dead channels?"),
        *catches(smooth_scales.asked, _plain),
        *catches(smooth_scales.asked, _subtle, "subtle"),
    ],
    implementations=_right
    | {name: _known[name].on(quantization.smooth_scales) for name in (*_plain, *_subtle)},
    hints=[
        "Choose a weight with as many outputs as channels whose scales you can work out by hand.",
        "α = ½ with squares (8 and 0.5 give 4), another α, largest weights that are negative; then a channel of "
        "zeros in the data and one in the weight, whose s must be finite and positive.",
        "torch.testing.assert_close(implementation(torch.tensor([...]), weight, 0.5), torch.tensor([...])); then "
        "with a dead channel: assert s.isfinite().all() and (s > 0).all().",
    ],
    follow_up="Which law holds for every input and needs no numbers worked out by hand?",
)


@asked.misconception(
    "the test only calls the function",
    says="Nothing is asserted about the result, so everything passes.",
    asks="Which s do you know for max|X| = 8, max|W| = 0.5 and α = ½?",
)
def only_calls(implementation: Scales) -> None:
    implementation(torch.ones(3), torch.ones(3, 3), 0.5)


@asked.misconception(
    "the test rejects everything",
    says="Right and wrong implementations fail it alike.",
    asks="Does your test pass on course_lib.quantization.smooth_scales?",
)
def rejects_all(implementation: Scales) -> None:
    raise AssertionError("no")


@asked.misconception(
    "only α = ½ with maxima of 1",
    says="Where everything is 1, every power of it is 1 too.",
    asks="What would a function do to your values that exchanges α and 1 − α?",
)
def all_ones(implementation: Scales) -> None:
    assert torch.allclose(implementation(torch.ones(3), torch.ones(2, 3), 0.5), torch.ones(3))


@asked.misconception(
    "only shape, sign and finiteness",
    says="That s is finite and positive for each channel is true of most wrong implementations as well.",
    asks="Which positive number?",
)
def only_shape(implementation: Scales) -> None:
    s = implementation(torch.tensor([0.0, 2.0, 3.0]), torch.tensor([[1.0, 0.0, 0.5]] * 3), 0.5)
    assert s.shape == (3,)
    assert s.isfinite().all()
    assert (s > 0).all()


@asked.misconception(
    "floats are compared exactly",
    says="Two right ways to compute a power differ in the last digit, and your test rejects one of them.",
    asks="How close must 4.000000001 be to 4?",
)
def exact(implementation: Scales) -> None:
    act, weight = torch.tensor([3.0, 7.0, 11.0]), torch.tensor([[0.3, -0.7, 0.9], [0.1, 0.2, -1.3]])
    for alpha in (0.3, 0.5, 0.7, 0.85):
        assert torch.equal(implementation(act, weight, alpha), quantization.smooth_scales(act, weight, alpha))


@asked.also_correct("against the formula, with laws for dead channels")
def by_formula(implementation: Scales) -> None:
    generator = torch.Generator().manual_seed(3)
    for alpha in (0.2, 0.5, 0.9):
        act = 1 + 9 * torch.rand(4, generator=generator, dtype=torch.float64)
        weight = torch.randn(4, 4, generator=generator, dtype=torch.float64)
        weight[2] = -3 - torch.rand(4, generator=generator, dtype=torch.float64)
        want = act**alpha / weight.abs().amax(dim=0) ** (1 - alpha)
        torch.testing.assert_close(implementation(act, weight, alpha), want)
    act[0], weight[:, 1] = 0, 0
    s = implementation(act, weight, 0.5)
    assert (act / s).isfinite().all()
    assert (weight * s).isfinite().all()


@asked.also_correct("by what smoothing is for: equal maxima at one half")
def by_law(implementation: Scales) -> None:
    act = torch.tensor([40.0, 0.5, 3.0])
    weight = torch.tensor([[0.1, 2.0, -0.3], [-0.4, -5.0, 0.1], [0.2, 1.0, 0.2]])
    s = implementation(act, weight, 0.5)
    assert torch.allclose(act / s, (weight * s).abs().amax(dim=0))
    full = implementation(act, weight, 1.0)
    assert torch.allclose(act / full, torch.ones(3))
    none = implementation(act, weight, 0.0)
    assert torch.allclose((weight * none).abs().amax(dim=0), torch.ones(3))
    dead = implementation(torch.tensor([0.0, 1.0]), torch.tensor([[1.0, 0.0]]), 0.5)
    assert not dead.isnan().any()
    assert not dead.isinf().any()
    assert dead.min() > 0
