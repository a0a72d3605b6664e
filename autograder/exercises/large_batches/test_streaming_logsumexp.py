"""Write a test that tells right implementations of the streaming log-sum-exp from wrong ones."""

from collections.abc import Callable

import torch
from torch import Tensor

from autograder.exercise import Exercise, Group
from autograder.exercises.ingredients import accepts, catches
from autograder.exercises.large_batches import streaming_logsumexp
from autograder.observers import LearnerTestObserver
from course_lib import contrastive

Implementation = Callable[[Tensor, int], Tensor]

_right = {"the reference": contrastive.streaming_logsumexp, **streaming_logsumexp.asked.correct}
_known = streaming_logsumexp.asked.misconceptions
_plain = ("no_maximum", "not_rescaled", "wrong_term", "inverted", "added", "largest", "not_added_back")
_subtle = ("last_dropped", "starts_at_zero", "one_maximum")


def a_good_test(implementation: Implementation) -> None:
    """The reference: torch's own, on rows that differ much, rise, fall and lie far below 0, with a short last chunk."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 7, generator=generator, dtype=torch.float64)
    logits[1] += torch.arange(7) * 150  # rises
    logits[2] -= torch.arange(7) * 150  # falls
    logits[3] -= 2000
    assert torch.allclose(implementation(logits, 3), logits.logsumexp(dim=1))


asked = Exercise(
    "large_batches.test_streaming_logsumexp",
    title="Test the stream",
    minutes=12,
    skills=["testing", "numerical stability"],
    reference=a_good_test,
    observer=LearnerTestObserver(),
    groups={
        "accepts": Group(0),
        "catches": Group(1, at_least=5, needs=("accepts",)),
        "subtle": Group(2, at_least=2, needs=("accepts",)),
    },
    cases=[
        *accepts(_right),
        *catches(streaming_logsumexp.asked, _plain),
        *catches(streaming_logsumexp.asked, _subtle, "subtle"),
    ],
    implementations=_right
    | {name: _known[name].on(contrastive.streaming_logsumexp) for name in (*_plain, *_subtle)},
    hints=[
        "The bugs hide in the joints: between chunks, at the start, at the end. Which inputs bend the joints?",
        "A row whose chunks rise, one whose chunks fall, one far below 0, all in one matrix; and a chunk size that "
        "does not divide the row. Compare with torch.logsumexp.",
        "logits = torch.randn(4, 7); add multiples of torch.arange(7) * 150 to some rows and −2000 to another; chunk "
        "size 3; assert torch.allclose(implementation(logits, 3), torch.logsumexp(logits, dim=1)).",
    ],
    follow_up="Which of the wrong ones would random normal logits and a chunk size that divides the row have caught?",
)


@asked.misconception(
    "the test only calls the function",
    says="Nothing is asserted about the result, so everything passes.",
    asks="Which function of torch tells you what the result must be?",
)
def only_calls(implementation: Implementation) -> None:
    implementation(torch.randn(2, 6), 2)


@asked.misconception(
    "the test rejects everything",
    says="Right and wrong implementations fail it alike.",
    asks="Does your test pass on course_lib.contrastive.streaming_logsumexp?",
)
def rejects_all(implementation: Implementation) -> None:
    raise AssertionError("no")


@asked.misconception(
    "floats are compared with ==",
    says="Correct implementations that add in another order are rejected.",
    asks="By how much may two correct float computations differ?",
)
def exact_equality(implementation: Implementation) -> None:
    logits = torch.randn(50, 40, generator=torch.Generator().manual_seed(0))
    assert torch.equal(implementation(logits, 7), logits.logsumexp(dim=1))


@asked.misconception(
    "one chunk holds the whole row",
    says="With a single chunk there is nothing to merge, so every mistake in merging passes.",
    asks="How large is your chunk_size, and how long are your rows?",
)
def one_chunk(implementation: Implementation) -> None:
    logits = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(implementation(logits, 5), logits.logsumexp(dim=1))


@asked.misconception(
    "all logits are equal",
    says="When no chunk exceeds another, the maximum never moves, and nothing is ever rescaled.",
    asks="What has to change from chunk to chunk for the rescaling to matter?",
)
def equal_logits(implementation: Implementation) -> None:
    logits = torch.ones(2, 6)
    assert torch.allclose(implementation(logits, 2), logits.logsumexp(dim=1))


@asked.misconception(
    "only the finiteness is tested",
    says="That nothing overflows is true of most wrong ones as well.",
    asks="What must the result be, beside finite?",
)
def only_finite(implementation: Implementation) -> None:
    logits = 500 * torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    assert torch.isfinite(implementation(logits, 2)).all()


@asked.also_correct("known values")
def known_values(implementation: Implementation) -> None:
    log_2 = torch.tensor(2.0).log()
    rows = torch.tensor([[0.0, -900.0, 0.0], [-800.0, 900.0, 900.0], [-3000.0, -3000.0, -9000.0]])
    expected = torch.stack([log_2, 900 + log_2, -3000 + log_2])
    for size in (1, 2):
        assert (implementation(rows, size) - expected).abs().max() < 1e-3


@asked.also_correct("several chunk sizes agree")
def sizes_agree(implementation: Implementation) -> None:
    logits = torch.randn(5, 11, generator=torch.Generator().manual_seed(1)) * 300 - 1000
    whole = torch.log_softmax(logits, dim=1)
    for size in (1, 2, 4, 12):
        torch.testing.assert_close(
            logits - implementation(logits, size)[:, None], whole, rtol=1e-4, atol=1e-2
        )
