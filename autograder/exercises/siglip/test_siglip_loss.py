"""Write a test that tells right implementations of the sigmoid loss from wrong ones."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, normalize

from autograder.exercise import Exercise, Group
from autograder.exercises.ingredients import accepts, catches
from autograder.exercises.siglip import siglip_loss
from autograder.observers import LearnerTestObserver
from course_lib import contrastive

Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]

_right = {"the reference": contrastive.siglip_loss, **siglip_loss.asked.correct}
_known = siglip_loss.asked.misconceptions
_printed = "bias_outside"
_plain = (
    "mean_over_pairs",
    "not_divided",
    "bias_scaled",
    "no_bias",
    "zero_labels",
    "exchanged",
    "balanced",
    "sign",
)
_subtle = ("bias_frozen", "normalised_again", "unstable")


def a_good_test(implementation: Loss) -> None:
    """The reference: torch's cross-entropy on asymmetric features, gradients and a hot scale included."""
    generator = torch.Generator().manual_seed(0)
    images, texts = (normalize(torch.randn(5, 3, generator=generator, dtype=torch.float64)) for _ in range(2))
    scale, bias = (torch.tensor(value, dtype=torch.float64) for value in (4.0, -2.0))
    mine, theirs = ([x.clone().requires_grad_() for x in (images, texts, scale, bias)] for _ in range(2))
    logits = mine[2] * mine[0] @ mine[1].T + mine[3]
    targets = torch.eye(5, dtype=torch.float64)
    wanted = binary_cross_entropy_with_logits(logits, targets, reduction="sum") / 5
    got = implementation(*theirs)
    assert torch.allclose(got, wanted), "the value"
    wanted.backward()
    assert got.requires_grad, "no gradient"
    got.backward()
    for one, other in zip(mine, theirs, strict=True):
        assert one.grad is not None
        assert other.grad is not None, "an argument without gradient"
        assert torch.allclose(one.grad, other.grad), "a gradient"
    far = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    wrong_by_far = implementation(far, -far, 1000 * scale, bias)
    assert torch.isfinite(wrong_by_far), "a hot scale"


asked = Exercise(
    "siglip.test_siglip_loss",
    title="Test the tests",
    minutes=15,
    skills=["testing", "bias"],
    reference=a_good_test,
    observer=LearnerTestObserver(),
    groups={
        "accepts": Group(0),
        "catches": Group(1, at_least=3, needs=("accepts",)),
        "the printed formula": Group(1, needs=("accepts",)),
        "subtle": Group(1, at_least=1, needs=("accepts",)),
    },
    cases=[
        *accepts(_right),
        *catches(siglip_loss.asked, _plain),
        *catches(siglip_loss.asked, [_printed], "the printed formula"),
        *catches(siglip_loss.asked, _subtle, "subtle"),
    ],
    implementations=_right
    | {name: _known[name].on(contrastive.siglip_loss) for name in (*_plain, _printed, *_subtle)},
    hints=[
        "For which batches can you compute the loss in your head? Try a scale of 0: then every logit is b.",
        "At scale 0 the loss is log(1 + e^(−b)) + (N − 1) log(1 + e^b). Use a b that is not 0, or a misplaced bias passes. "
        "For the last point: call .backward() and look at the bias's gradient, or take a scale of 1000.",
        "Make random unit features [5, 3], a scale and a bias, and compare with torch's "
        "binary_cross_entropy_with_logits of scale·cosines + bias and torch.eye(5), reduction='sum', over 5.",
    ],
    follow_up="Which of your assertions would still pass if b were 0 in all of them?",
)


@asked.misconception(
    "the test only calls the function",
    says="Nothing is asserted about the result, so everything passes.",
    asks="Which number do you know the loss must have?",
)
def only_calls(implementation: Loss) -> None:
    features = torch.eye(3)
    implementation(features, features, torch.tensor(1.0), torch.tensor(-1.0))


@asked.misconception(
    "the test rejects everything",
    says="Right and wrong implementations fail it alike.",
    asks="Does your test pass on course_lib.contrastive.siglip_loss?",
)
def rejects_all(implementation: Loss) -> None:
    raise AssertionError("no")


@asked.misconception(
    "the bias is 0 in every assertion",
    says="Without a bias, inside and outside the sign are the same, and so are a forgotten and a scaled one.",
    asks="Which values of b make z·(ℓ + b) and z·ℓ + b differ?",
)
def bias_of_zero(implementation: Loss) -> None:
    generator = torch.Generator().manual_seed(0)
    images, texts = (normalize(torch.randn(5, 3, generator=generator)) for _ in range(2))
    scale, bias = torch.tensor(3.0), torch.tensor(0.0)
    wanted = contrastive.siglip_loss(images, texts, scale, bias)
    assert torch.allclose(implementation(images, texts, scale, bias), wanted)


@asked.misconception(
    "floats are compared with ==",
    says="Correct implementations that round in another order are rejected.",
    asks="By how much may two correct float computations differ?",
)
def exact_equality(implementation: Loss) -> None:
    generator = torch.Generator().manual_seed(3)
    images, texts = (normalize(torch.randn(40, 7, generator=generator)) for _ in range(2))
    for step in range(10):  # some of them will round differently
        scale, bias = torch.tensor(13.7), torch.tensor(-1.1 - 0.7 * step)
        assert implementation(images, texts, scale, bias) == contrastive.siglip_loss(
            images, texts, scale, bias
        )


@asked.misconception(
    "only the sign is tested",
    says="That the loss is not negative is true of most wrong ones as well.",
    asks="What else do you know besides loss ≥ 0?",
)
def only_sign(implementation: Loss) -> None:
    generator = torch.Generator().manual_seed(0)
    features = normalize(torch.randn(6, 2, generator=generator))
    assert implementation(features, features, torch.tensor(3.0), torch.tensor(-1.0)) >= 0


@asked.misconception(
    "a batch of one pair",
    says="With N = 1 there are no negatives, and sum, mean and 1/N are the same thing.",
    asks="How many negatives does your batch hold?",
)
def single_pair(implementation: Loss) -> None:
    one = torch.ones(1, 1)
    got = implementation(one, one, torch.tensor(2.0), torch.tensor(-1.0))
    assert torch.isclose(got, torch.nn.functional.softplus(torch.tensor(-1.0)))


@asked.also_correct("a few known values")
def known_values(implementation: Loss) -> None:
    one = torch.ones(4, 1)
    zero, bias = torch.tensor(0.0), torch.tensor(-2.0, requires_grad=True)
    loss = implementation(one, one, zero, bias)
    known = torch.log1p(torch.exp(torch.tensor(2.0))) + 3 * torch.log1p(torch.exp(torch.tensor(-2.0)))
    assert torch.isclose(loss, known)
    scaled = implementation(one, one, torch.tensor(3.0), torch.tensor(-5.0))
    assert torch.isclose(scaled, known)  # every logit is −2 again
    (slope,) = torch.autograd.grad(loss, bias, allow_unused=True) if loss.requires_grad else (None,)
    assert slope is not None
    chance = torch.sigmoid(torch.tensor(-2.0))
    assert torch.isclose(slope, 3 * chance - (1 - chance))


@asked.also_correct("against torch's binary cross-entropy")
def against_torch(implementation: Loss) -> None:
    images, texts = normalize(torch.randn(6, 4)), normalize(torch.randn(6, 4)).requires_grad_()
    scale, bias = torch.tensor(3.0), torch.tensor(-2.0)
    wanted = binary_cross_entropy_with_logits(
        scale * images @ texts.T + bias, torch.eye(6), reduction="sum"
    ).div(6)
    got = implementation(images, texts, scale, bias)
    torch.testing.assert_close(got, wanted)
    pair = [torch.autograd.grad(x, texts, allow_unused=True)[0] for x in (got, wanted)]
    torch.testing.assert_close(*pair, rtol=1e-4, atol=1e-6)
