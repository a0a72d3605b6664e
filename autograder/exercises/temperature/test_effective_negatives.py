"""Write a test that tells right counts of effective negatives from wrong ones."""

from collections.abc import Callable

import torch
from torch import Tensor

from autograder.exercise import Exercise, Group
from autograder.exercises.ingredients import accepts, catches
from autograder.exercises.temperature import effective_negatives
from autograder.observers import LearnerTestObserver
from course_lib import contrastive

Count = Callable[[Tensor, float], Tensor]

_right = {"the reference": contrastive.effective_negatives, **effective_negatives.asked.correct}
_known = effective_negatives.asked.misconceptions
_plain = ("positive_included", "base_two", "not_exponentiated", "sign", "averaged", "wrong_axis")
_subtle = ("inverse_participation", "zero_log_zero", "not_renormalised")


def _random(size: int) -> Tensor:
    return 2 * torch.rand(size, size, generator=torch.Generator().manual_seed(size), dtype=torch.float64) - 1


def a_good_test(implementation: Count) -> None:
    """The reference: known values, then an independent computation, then a temperature near 0."""
    similarity = _random(5)
    got = implementation(similarity, 0.3)
    assert got.shape == (5,)
    for i in range(5):
        others = [j for j in range(5) if j != i]
        weights = torch.softmax(similarity[i, others] / 0.3, dim=0)
        wanted = (-(weights * weights.log()).sum()).exp()
        assert torch.isclose(got[i], wanted), "a row, by its definition"
    assert torch.allclose(implementation(torch.ones(4, 4).double(), 0.1), torch.full((4,), 3.0).double())
    assert torch.allclose(implementation(_random(4), 1e-5), torch.ones(4).double()), "one takes all"


asked = Exercise(
    "temperature.test_effective_negatives",
    title="Test the count",
    minutes=12,
    skills=["testing", "entropy"],
    reference=a_good_test,
    observer=LearnerTestObserver(),
    groups={
        "accepts": Group(0),
        "catches": Group(2, at_least=4, needs=("accepts",)),
        "subtle": Group(1, at_least=2, needs=("accepts",)),
    },
    cases=[
        *accepts(_right),
        *catches(effective_negatives.asked, _plain),
        *catches(effective_negatives.asked, _subtle, "subtle"),
    ],
    implementations=_right
    | {name: _known[name].on(contrastive.effective_negatives) for name in (*_plain, *_subtle)},
    hints=[
        "For which similarities do you know the count without computing? What must not matter at all?",
        "Four facts: equal cosines give N − 1; τ near 0 gives 1; the diagonal does not matter; two equal "
        "negatives far above the rest give 2. And one row computed from the definition.",
        "Take a random 5×5 matrix. Compare with a loop over rows: softmax of the off-diagonal entries over τ, "
        "entropy, exp. Then change its diagonal and compare again; then τ = 1e-5, and allclose to ones.",
    ],
    follow_up="Which of your assertions would a count by 1/Σw² pass?",
)


@asked.misconception(
    "the test only calls the function",
    says="Nothing is asserted about the result, so everything passes.",
    asks="Which number do you know the count must be?",
)
def only_calls(implementation: Count) -> None:
    implementation(_random(4), 0.1)


@asked.misconception(
    "the test rejects everything",
    says="Right and wrong implementations fail it alike.",
    asks="Does your test pass on contrastive.effective_negatives?",
)
def rejects_all(implementation: Count) -> None:
    raise AssertionError("no")


@asked.misconception(
    "only the range is tested",
    says="That the count lies between 1 and N − 1 is true of most wrong ones as well.",
    asks="What else do you know besides the bounds?",
)
def only_range(implementation: Count) -> None:
    got = implementation(_random(6), 0.5)
    assert (got >= 1 - 1e-9).all()
    assert (got <= 5 + 1e-9).all()


@asked.misconception(
    "only equal cosines are tested",
    says="Where all negatives weigh the same, several wrong counts agree with the right one.",
    asks="What does 1/Σw² give for equal weights, and what does exp of the entropy give?",
)
def only_uniform(implementation: Count) -> None:
    assert torch.allclose(implementation(torch.ones(5, 5), 0.1), torch.full((5,), 4.0))


@asked.misconception(
    "floats are compared with ==",
    says="Correct implementations that round in another order are rejected.",
    asks="By how much may two correct float computations differ?",
)
def exact_equality(implementation: Count) -> None:
    similarity = _random(30)
    assert torch.equal(implementation(similarity, 0.3), contrastive.effective_negatives(similarity, 0.3))


@asked.also_correct("known values alone")
def known_values(implementation: Count) -> None:
    assert torch.allclose(implementation(torch.ones(6, 6), 0.2), torch.full((6,), 5.0))
    similarity = torch.full((4, 4), -1.0)
    similarity[:, 0] = similarity[:, 1] = 0.9
    got = implementation(similarity, 1e-4)
    assert torch.allclose(got, torch.tensor([1.0, 1.0, 2.0, 2.0]))
    moved = similarity - 2 * torch.eye(4)
    assert torch.allclose(implementation(moved, 0.5), implementation(similarity, 0.5))
    three = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    p = 1 / (1 + torch.tensor(-1.0).exp())
    wanted = (-(p * p.log() + (1 - p) * (1 - p).log())).exp()
    assert torch.isclose(implementation(three, 1.0)[0], wanted)


@asked.also_correct("against the definition, at two temperatures")
def against_definition(implementation: Count) -> None:
    similarity = _random(7)
    for temperature in (0.2, 1e-4):
        logits = (similarity / temperature).masked_fill(torch.eye(7, dtype=torch.bool), -torch.inf)
        weights = logits.softmax(dim=1)
        wanted = torch.special.entr(weights).sum(dim=1).exp()
        got = implementation(similarity, temperature)
        assert got.shape == wanted.shape
        assert (got - wanted).abs().max() < 1e-8
