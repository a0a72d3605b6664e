"""Write a test that tells a GPTQ with error feedback from one that only looks like it."""

from collections.abc import Callable

import torch
from torch import Tensor

from autograder.exercise import Exercise, Group
from autograder.exercises.ingredients import accepts, catches
from autograder.exercises.post_training import gptq
from autograder.observers import LearnerTestObserver
from course_lib import quantization

Quantize = Callable[[Tensor, Tensor, int, float], Tensor]

_right = {"the reference": gptq.gptq, **gptq.asked.correct}
_known = gptq.asked.misconceptions
_plain = (
    "to_nearest",
    "added",
    "not_divided",
    "factor_of_the_hessian",
    "new_grids",
    "symmetric_grid",
    "rounded_down",
)
_subtle = ("stale_inverse", "only_the_next", "dead_kept")


def equal_inputs() -> tuple[Tensor, Tensor]:
    """Rows on grids of step 1 (each reaches from −8 to 7), whose last three inputs are always equal."""
    weight = torch.tensor(
        [[-8, 7, 0.4, 0.45, 0.5], [-8, 7, 0.4, 0.45, 0.75], [-8, 0, 0.4, 0.4, 7]], dtype=torch.float64
    )
    inputs = torch.zeros(3, 5, dtype=torch.float64)
    inputs[0, 0] = inputs[1, 1] = 1
    inputs[2, 2:] = 1
    return weight, inputs


def a_good_test(implementation: Quantize) -> None:
    """The reference: rows that can be worked out by hand, a dead input, and independent inputs."""
    weight, inputs = equal_inputs()
    # 0.4 → 0, the two others take 0.2 each: 0.65 → 1, the last takes −0.35: 0.35 → 0, or 0.6 → 1.
    expected = torch.tensor([[-8, 7, 0, 1, 0], [-8, 7, 0, 1, 1], [-8, 0, 0, 1, 7]], dtype=torch.float64)
    assert torch.allclose(implementation(weight, inputs, 4, 0.0001), expected, atol=1e-6)
    # A dead weight of 40 must not stretch the grid.
    found = implementation(
        torch.cat([weight, torch.full_like(weight[:, :1], 40.0)], dim=1),
        torch.cat([inputs, torch.zeros_like(inputs[:, :1])], dim=1),
        4,
        0.0001,
    )
    assert torch.allclose(found[:, :5], expected, atol=1e-6)


asked = Exercise(
    "post_training.test_gptq",
    title="Test the tests",
    minutes=10,
    skills=["testing", "error feedback"],
    reference=a_good_test,
    observer=LearnerTestObserver(),
    groups={
        "accepts": Group(0),
        "catches": Group(2, at_least=5, needs=("accepts",)),
        "subtle": Group(1, at_least=2, needs=("accepts",)),
    },
    cases=[
        *accepts(_right, "Is one of your values in the middle of two codes, or your tolerance too tight?"),
        *catches(gptq.asked, _plain),
        *catches(gptq.asked, _subtle, "subtle"),
    ],
    implementations=_right | {name: _known[name].on(gptq.gptq) for name in (*_plain, *_subtle)},
    hints=[
        "Inputs that are always equal: then only the sum of their weights matters, and you can say what must become of "
        "it.",
        "Put −8 and 7 into a row of 4 bits, and its grid is the integers. Give these two inputs of their own, and let "
        "the last three inputs be equal; with little damping each of those to come takes an equal share of an error.",
        "inputs [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 1, 1]], 4 bits, damping 0.0001; rows [-8, 7, 0.4, 0.45, 0.5] "
        "and [-8, 7, 0.4, 0.45, 0.75]. 0.4 becomes 0 and leaves 0.65 in the next, and so on to the end. Then add an input "
        "that is always 0, with a weight of 40.",
    ],
    follow_up="Would a comparison of the output error with that of rounding to nearest have caught the subtle ones?",
)


@asked.misconception(
    "the test only calls the function",
    says="Nothing is asserted about the result, so everything passes.",
    asks="What do you know of the result before you run it?",
)
def only_calls(implementation: Quantize) -> None:
    implementation(*equal_inputs(), 4, 0.01)


@asked.misconception(
    "the test rejects everything",
    says="Right and wrong implementations fail it alike.",
    asks="Does your test pass on your own gptq?",
)
def rejects_all(implementation: Quantize) -> None:
    raise AssertionError("no")


@asked.misconception(
    "the weights must be near",
    says="You ask for weights within half a step of the given ones. That is what rounding to nearest does; GPTQ does not.",
    asks="Which error is GPTQ to keep small, and which does it let grow?",
)
def near_weights(implementation: Quantize) -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 8, generator=generator, dtype=torch.float64)
    x = torch.randn(30, 8, generator=generator, dtype=torch.float64) @ torch.randn(
        8, 8, generator=generator, dtype=torch.float64
    )
    found = implementation(weight, x, 3, 0.01)
    step = quantization.channel_qparams(weight, *quantization.code_range(3)).scale
    assert ((found - weight).abs() <= step[:, None] / 2 + 1e-9).all()


@asked.misconception(
    "only that the values lie on a grid",
    says="Rounding to nearest gives values of the grid as well.",
    asks="What should an implementation without error feedback fail at?",
)
def only_the_grid(implementation: Quantize) -> None:
    found = implementation(*equal_inputs(), 4, 0.01)
    assert torch.allclose(found, found.round(), atol=1e-6)


@asked.misconception(
    "inputs that are not correlated",
    says="With independent inputs GPTQ is rounding to nearest: no feedback can be seen.",
    asks="Which inputs let one weight make up for another?",
)
def too_tame(implementation: Quantize) -> None:
    weight = torch.tensor([[-8.0, 7.0, 0.7, -0.6, 2.3]], dtype=torch.float64)
    found = implementation(weight, torch.eye(5, dtype=torch.float64), 4, 0.01)
    assert torch.allclose(found, weight.round(), atol=1e-6)


@asked.also_correct("three rows of equal inputs, and a sum that is kept")
def by_sums(implementation: Quantize) -> None:
    weight = torch.tensor(
        [[-8.0, 7.0, 0.4, 0.45, 0.5, 40.0], [-8, 7, 0.4, 0.45, 0.75, 0], [-8, 0, 0.4, 0.4, 7, 1]],
        dtype=torch.float64,
    )
    x = torch.zeros(3, 6, dtype=torch.float64)
    x[0, 0] = x[1, 1] = 2.0
    x[2, 2:5] = 3.0
    found = implementation(weight, x, 4, 0.001)
    assert found[0, :5].round().tolist() == [-8, 7, 0, 1, 0]
    assert found[1, :5].round().tolist() == [-8, 7, 0, 1, 1]
    assert found[2, 2:5].round().sum() == 8
    assert (found - found.round()).abs().max() < 1e-6


@asked.also_correct("against the paper's loop with an inverse for every column")
def by_the_paper(implementation: Quantize) -> None:
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(9, 6, generator=generator, dtype=torch.float64)
    mix = torch.randn(6, 6, generator=generator, dtype=torch.float64)
    x = torch.randn(40, 6, generator=generator, dtype=torch.float64) @ mix
    x[:, 3], weight[:, 3] = 0, 9.0
    w, hessian = weight.clone(), quantization.layer_hessian(x, 0.05)
    w[:, 3] = 0
    step, zero = quantization.channel_qparams(w, -8, 7)
    for i in range(6):
        inv = torch.linalg.inv(hessian[i:, i:])
        q = ((w[:, i] / step).round() + zero).clamp(-8, 7)
        off = w[:, i] - (q - zero) * step
        w[:, i:] -= torch.outer(off / inv[0, 0], inv[0])
    assert torch.allclose(implementation(weight, x, 4, 0.05), w, atol=1e-6)
