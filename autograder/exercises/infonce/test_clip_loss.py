"""Write a test that tells right implementations of the loss from wrong ones."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

from autograder.exercise import Exercise, Group
from autograder.exercises.infonce import clip_loss
from autograder.exercises.ingredients import accepts, catches
from autograder.observers import LearnerTestObserver
from course_lib import contrastive

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]

_right = {"the reference": contrastive.clip_loss, **clip_loss.asked.correct}
_known = clip_loss.asked.misconceptions
_plain = (
    "one_direction",
    "summed",
    "not_halved",
    "double_softmax",
    "positive_missing",
    "labels_zero",
    "divides",
)
_subtle = ("detached_tower", "normalised_again")


def a_good_test(implementation: Loss) -> None:
    """The reference: numbers worked out independently, on asymmetric features, gradients included."""
    generator = torch.Generator().manual_seed(0)
    images, texts = (normalize(torch.randn(5, 3, generator=generator, dtype=torch.float64)) for _ in range(2))
    scale = torch.tensor(4.0, dtype=torch.float64)
    mine, theirs = ([x.clone().requires_grad_() for x in (images, texts, scale)] for _ in range(2))
    logits = mine[2] * mine[0] @ mine[1].T
    labels = torch.arange(5)
    wanted = (
        torch.nn.functional.cross_entropy(logits, labels)
        + torch.nn.functional.cross_entropy(logits.T, labels)
    ) / 2
    got = implementation(*theirs)
    assert torch.allclose(got, wanted), "the value"
    wanted.backward()
    assert got.requires_grad, "no gradient"
    got.backward()
    for one, other in zip(mine, theirs, strict=True):
        assert one.grad is not None
        assert other.grad is not None, "an argument without gradient"
        assert torch.allclose(one.grad, other.grad), "a gradient"


asked = Exercise(
    "infonce.test_clip_loss",
    title="Test the tests",
    minutes=15,
    skills=["testing", "symmetry"],
    reference=a_good_test,
    observer=LearnerTestObserver(),
    groups={
        "accepts": Group(0),
        "catches": Group(2, at_least=3, needs=("accepts",)),
        "subtle": Group(1, at_least=1, needs=("accepts",)),
    },
    cases=[
        *accepts(_right),
        *catches(clip_loss.asked, _plain),
        *catches(clip_loss.asked, _subtle, "subtle"),
    ],
    implementations=_right | {name: _known[name].on(contrastive.clip_loss) for name in (*_plain, *_subtle)},
    hints=[
        "Which batches have a loss that you know without running the code? Which symmetry should swap what?",
        "Four facts: equal logits give log N; N is not 2; swapping the towers changes nothing; a perfect batch at a "
        "large scale gives almost 0. For the gradient: call .backward() and look at both features.",
        "Make random unit features [5, 3] that are *not* symmetric, compare with torch's cross_entropy of logits and "
        "logits.T by torch.allclose, then compare .grad of both features too.",
    ],
    follow_up="Which of your assertions would still pass if the loss were computed on the wrong axis?",
)


@asked.misconception(
    "the test only calls the function",
    says="Nothing is asserted about the result, so everything passes.",
    asks="Which number do you know the loss must have?",
)
def only_calls(implementation: Loss) -> None:
    features = torch.eye(3)
    implementation(features, features, torch.tensor(1.0))


@asked.misconception(
    "the test rejects everything",
    says="Right and wrong implementations fail it alike.",
    asks="Does your test pass on course_lib.contrastive.clip_loss?",
)
def rejects_all(implementation: Loss) -> None:
    raise AssertionError("no")


@asked.misconception(
    "floats are compared with ==",
    says="Correct implementations that round in another order are rejected.",
    asks="By how much may two correct float computations differ?",
)
def exact_equality(implementation: Loss) -> None:
    generator = torch.Generator().manual_seed(3)
    images, texts = (normalize(torch.randn(40, 7, generator=generator)) for _ in range(2))
    scale = torch.tensor(13.7)
    assert implementation(images, texts, scale) == contrastive.clip_loss(images, texts, scale)


@asked.misconception(
    "images and texts are the same",
    says="With equal towers the logits are symmetric, so a missing direction and a wrong axis cannot be seen.",
    asks="What does transposing a symmetric matrix change?",
)
def symmetric(implementation: Loss) -> None:
    generator = torch.Generator().manual_seed(0)
    features = normalize(torch.randn(3, 3, generator=generator))
    got = implementation(features, features, torch.tensor(2.0))
    assert torch.allclose(got, contrastive.clip_loss(features, features, torch.tensor(2.0)))


@asked.misconception(
    "only the sign is tested",
    says="That the loss is not negative is true of most wrong ones as well.",
    asks="What else do you know besides loss ≥ 0?",
)
def only_sign(implementation: Loss) -> None:
    generator = torch.Generator().manual_seed(0)
    features = normalize(torch.randn(6, 2, generator=generator))
    assert implementation(features, features, torch.tensor(3.0)) >= 0


@asked.also_correct("a few known values")
def known_values(implementation: Loss) -> None:
    same = torch.ones(6, 1)
    log_n = torch.log(torch.tensor(6.0))
    assert torch.isclose(implementation(same, same, torch.tensor(3.0)), log_n)
    assert implementation(torch.eye(4), torch.eye(4), torch.tensor(50.0)) < 1e-3
    images, texts = normalize(torch.randn(5, 3)), normalize(torch.randn(5, 3)).requires_grad_()
    loss = implementation(images, texts, torch.tensor(5.0))
    assert torch.isclose(loss, implementation(texts.detach(), images, torch.tensor(5.0)), rtol=1e-4)
    (gradient,) = torch.autograd.grad(loss, texts, allow_unused=True) if loss.requires_grad else (None,)
    assert gradient is not None
    assert gradient.abs().max() > 1e-6


@asked.also_correct("against torch's cross-entropy")
def against_torch(implementation: Loss) -> None:
    images = normalize(torch.randn(6, 4)).requires_grad_()
    texts = normalize(torch.randn(6, 4)).requires_grad_()
    scale = torch.tensor(3.0)
    logits, labels = scale * images @ texts.T, torch.arange(6)
    entropies = [torch.nn.functional.cross_entropy(one, labels) for one in (logits, logits.T)]
    wanted, got = torch.stack(entropies).mean(), implementation(images, texts, scale)
    torch.testing.assert_close(got, wanted)
    for features in (images, texts):
        pair = [
            torch.autograd.grad(x, features, retain_graph=True, allow_unused=True)[0] for x in (got, wanted)
        ]
        assert pair[0] is not None
        torch.testing.assert_close(*pair, rtol=1e-4, atol=1e-6)
